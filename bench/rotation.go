package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// rotationNamespace has one object whose source gets a token of a Secret. rotations is how often the token changes.
	rotationNamespace = "bench-rotation"
	rotations         = 50
	rotatedSecret     = "login"
	// rotationPause is about the time between two rotations. It is no multiple of the polling interval, 2 s, so they are spread over it.
	rotationPause = 1300 * time.Millisecond
	// rotationBudget is the time within which a rotation reaches the source.
	rotationBudget = time.Second
)

var triggerAuthentications = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "triggerauthentications"}

// tokens is a source that notes when it got each token first.
type tokens struct {
	mu   sync.Mutex
	seen map[string]chan time.Time
}

// await returns a channel that gets the time of the first request with a token.
func (s *tokens) await(token string) <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := make(chan time.Time, 1)
	s.seen[token] = c
	return c
}

// ServeHTTP answers with the level 1.
func (s *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	if c, ok := s.seen[token]; ok {
		c <- time.Now()
		delete(s.seen, token)
	}
	s.mu.Unlock()
	_, _ = w.Write([]byte(`{"level": 1}`)) // The reader sees that it fails.
}

// rotation measures the time from the answer to the update of a Secret until the source of a polled trigger gets the new token. The
// reference is the time that is promised.
func (c *costs) rotation(ctx context.Context) ([]result, error) {
	if !strings.HasPrefix("rotation", c.options.source) {
		return nil, nil
	}
	fmt.Printf("• %d rotations of a token\n", rotations)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &tokens{seen: map[string]chan time.Time{}}
	first := s.await(token(0))
	p, err := c.startRotated(ctx, s)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	if _, err := awaitSeen(ctx, first, "the first token"); err != nil {
		return nil, fmt.Errorf("%w; the end of the log:\n%s", err, p.LogTail(2<<10))
	}
	var took []time.Duration
	for i := 1; i <= rotations; i++ {
		if err := wait(ctx, rotationPause); err != nil {
			return nil, err
		}
		seen := s.await(token(i))
		if _, err := c.kube.CoreV1().Secrets(rotationNamespace).Update(ctx, secretOf(i), metav1.UpdateOptions{}); err != nil {
			return nil, fmt.Errorf("rotate the token: %w", err)
		}
		began := time.Now()
		at, err := awaitSeen(ctx, seen, "the token at the source")
		if err != nil {
			return nil, err
		}
		took = append(took, max(at.Sub(began), 0))
	}
	return []result{compare("credentials/rotation-to-source", took, []time.Duration{rotationBudget})}, nil
}

// token is what the source gets after i rotations.
func token(i int) string { return fmt.Sprintf("token-%d", i) }

func secretOf(i int) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: rotatedSecret}, StringData: map[string]string{"token": token(i)}}
}

// startRotated serves the source, creates the object with its credentials, and runs an Impulse of its own.
func (c *costs) startRotated(ctx context.Context, s *tokens) (*process.Process, error) {
	url, err := serve(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := c.createNamespace(ctx, rotationNamespace); err != nil {
		return nil, err
	}
	if _, err := c.kube.CoreV1().Secrets(rotationNamespace).Create(ctx, secretOf(0), metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("create the Secret: %w", err)
	}
	authentication := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "impulse.sh/v1alpha1", "kind": "TriggerAuthentication", "metadata": map[string]any{"name": rotatedSecret},
		"spec": map[string]any{"secretTargetRef": []any{map[string]any{"parameter": "token", "name": rotatedSecret, "key": "token"}}},
	}}
	if _, err := c.dynamic.Resource(triggerAuthentications).Namespace(rotationNamespace).Create(ctx, authentication, metav1.CreateOptions{}); err != nil {
		return nil, fmt.Errorf("create the TriggerAuthentication: %w", err)
	}
	spec := fmt.Sprintf(`"pollingInterval": 2, "triggers": [{"type": "metrics-api", "authenticationRef": {"name": %q},
		"metadata": {"url": "%s/", "valueLocation": "level", "targetValue": "1", "authMode": "bearer"}}]`, rotatedSecret, url)
	if err := c.createWorkload(ctx, rotationNamespace, "rotated", low, spec); err != nil {
		return nil, err
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	return process.Start(ctx, c.dir, "impulse-rotation", c.binary, "run", "--kubeconfig", c.kubeconfig, "--namespace", rotationNamespace,
		"--lease-namespace", rotationNamespace, "--listen", address, "--allow-source-addresses", "127.0.0.0/8")
}
