package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

const (
	// floodNamespace is the namespace of the process that is flooded, and floodToken its token.
	floodNamespace, floodToken = "bench-memory", "the-token-of-the-flood"
	// A wave has this many anonymous webhooks and this many deliveries with a credential, all in flight at once.
	waves, anonymous, deliveries = 5, 256, 128
	// webhookSize and deliverySize are the largest bodies that Impulse reads, in bytes.
	webhookSize, deliverySize = 1 << 20, 8 << 20
	// lastByteDelay is how long the last byte of every body of a wave is delayed.
	lastByteDelay = 3 * time.Second
)

// memory floods a process that has the memory limit of deploy/manifests with the largest bodies that it reads, in waves, and
// returns its memory before and at its peak. More than the limit is an error: the process would have been killed.
func memory(ctx context.Context, w *env) ([]result, error) {
	fmt.Printf("• %d waves of %d webhooks without a credential and %d deliveries with one\n", waves, anonymous, deliveries)
	limit, err := manifestLimit()
	if err != nil {
		return nil, err
	}
	url, p, err := w.startLimited(ctx, limit)
	if err != nil {
		return nil, err
	}
	idle, err := resident(p.PID(), "VmRSS")
	if err != nil {
		return nil, err
	}
	f := newBodyFlood(url)
	for range waves {
		f.wave(ctx)
		if err := p.Err(); err != nil {
			return nil, err
		}
	}
	peak, err := resident(p.PID(), "VmHWM")
	if err != nil {
		return nil, err
	}
	fmt.Printf("  answered with %v\n", f.answers)
	if peak > limit {
		err = fmt.Errorf("the process used %d bytes of memory, and the limit of deploy/manifests is %d", peak, limit)
	}
	return []result{
		single("memory/idle/rss", "MB", 1, float64(idle)/1e6, float64(limit)/1e6),
		single("memory/worst-mix/peak-rss", "MB", waves*(anonymous+deliveries), float64(peak)/1e6, float64(limit)/1e6),
	}, err
}

// manifestLimit is the memory limit that deploy/manifests gives, in bytes.
func manifestLimit() (int64, error) {
	content, err := os.ReadFile("deploy/manifests/deployment.yaml")
	if err != nil {
		return 0, fmt.Errorf("read the manifest: %w", err)
	}
	var d appsv1.Deployment
	if err := yaml.Unmarshal(content, &d); err != nil {
		return 0, fmt.Errorf("decode the manifest: %w", err)
	}
	containers := d.Spec.Template.Spec.Containers
	if len(containers) != 1 || containers[0].Resources.Limits.Memory().IsZero() {
		return 0, errors.New("the manifest is no Deployment of one container with a memory limit")
	}
	return containers[0].Resources.Limits.Memory().Value(), nil
}

// startLimited runs Impulse with the memory limit that it would choose in the container, and waits until it is ready.
func (w *env) startLimited(ctx context.Context, limit int64) (string, *process.Process, error) {
	spec := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: floodNamespace}}
	if _, err := w.kube.CoreV1().Namespaces().Create(ctx, spec, metav1.CreateOptions{}); err != nil {
		return "", nil, fmt.Errorf("create namespace %s: %w", floodNamespace, err)
	}
	tokens := filepath.Join(w.dir, "tokens")
	if err := os.WriteFile(tokens, []byte(floodNamespace+"="+floodToken+"\n"), 0o600); err != nil {
		return "", nil, fmt.Errorf("write the tokens: %w", err)
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return "", nil, err
	}
	p, err := process.Start(ctx, w.dir, "impulse-limited", "/usr/bin/env", fmt.Sprint("GOMEMLIMIT=", limit/5*4), w.binary, "run",
		"--kubeconfig", w.kubeconfig, "--namespace", floodNamespace, "--lease-namespace", floodNamespace, "--listen", address,
		"--tokens-file", tokens, "--body-memory", strconv.FormatInt(limit/4, 10))
	if err != nil {
		return "", nil, err
	}
	w.stops = append(w.stops, p.Stop)
	return "http://" + address, p, process.WaitFor(ctx, time.Minute, "the process that is flooded is ready", func(ctx context.Context) (bool, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
		if err != nil {
			return false, err
		}
		response, err := w.http.Do(r)
		if err != nil {
			return false, p.Err()
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
}

// resident returns a figure of a process's memory in bytes, from /proc: VmRSS is the current one, VmHWM the peak.
func resident(pid int, name string) (int64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	m := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindSubmatch(content)
	if m == nil {
		return 0, fmt.Errorf("read the memory of a process: there is no %s", name)
	}
	kilobytes, err := strconv.ParseInt(string(m[1]), 10, 64)
	return kilobytes << 10, err
}

// bodyFlood sends bodies in waves, and counts the status codes of the responses.
type bodyFlood struct {
	url    string
	client *http.Client
	// webhook is JSON of many small values; the bodies are alerts: ordinary ones, the smallest possible, and invalid ones.
	webhook []byte
	bodies  [3][]byte

	mu sync.Mutex
	// answers counts the responses by status code; 0 is a connection that was closed.
	answers map[int]int
}

func newBodyFlood(url string) *bodyFlood {
	f := &bodyFlood{url: url, answers: map[int]int{}, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}}
	f.webhook = list(webhookSize, "[", "]", func(int) string { return `{"":0}` })
	alert := func(text string) func(int) string {
		return func(i int) string {
			return fmt.Sprintf(`{"status":"firing","labels":{"alertname":"%d"%s},"startsAt":"2026-01-01T00:00:00Z"}`, i, text)
		}
	}
	var labels strings.Builder
	for i := range 16 {
		fmt.Fprintf(&labels, `,"label_%02d":"a value of some length %02d"`, i, i)
	}
	const begin, end = `{"version":"4","alerts":[`, `]}`
	f.bodies = [3][]byte{
		list(deliverySize, begin, end, alert(labels.String())), list(deliverySize, begin, end, alert("")),
		list(deliverySize, begin, end, func(int) string { return "0" }),
	}
	return f
}

// list returns a JSON list of as many elements as fit into size bytes.
func list(size int, begin, end string, element func(int) string) []byte {
	body := append(make([]byte, 0, size), begin...)
	for i := 0; ; i++ {
		next := element(i)
		if len(body)+len(next)+len(end) >= size {
			return append(body[:len(body)-1], end...)
		}
		body = append(append(body, next...), ',')
	}
}

// wave sends all bodies at once, and the last byte of each a little later.
func (f *bodyFlood) wave(ctx context.Context) {
	release := make(chan struct{})
	var all sync.WaitGroup
	for i := range deliveries {
		all.Go(func() {
			f.send(ctx, "/v1/alertmanager/"+floodNamespace, floodToken, f.bodies[i%len(f.bodies)], release)
		})
	}
	for range anonymous {
		all.Go(func() { f.send(ctx, "/v1/webhook/"+floodNamespace+"/jobs", "", f.webhook, release) })
	}
	select {
	case <-ctx.Done():
	case <-time.After(lastByteDelay):
	}
	close(release)
	all.Wait()
}

// delayedEOF is a reader that returns io.EOF once its channel is closed.
type delayedEOF <-chan struct{}

// Read waits until the channel is closed.
func (d delayedEOF) Read([]byte) (int, error) {
	<-d
	return 0, io.EOF
}

// send sends one body, and counts its response.
func (f *bodyFlood) send(ctx context.Context, path, token string, body []byte, release <-chan struct{}) {
	last := len(body) - 1
	code := 0
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+path,
		io.MultiReader(bytes.NewReader(body[:last]), delayedEOF(release), bytes.NewReader(body[last:])))
	if err == nil {
		r.ContentLength = int64(len(body))
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		var response *http.Response
		if response, err = f.client.Do(r); err == nil {
			code, err = response.StatusCode, response.Body.Close()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		code = 0
	}
	f.answers[code]++
}
