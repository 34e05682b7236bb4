package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// world is a namespace with a Deployment web of one replica, which processes of this test scale.
type world struct {
	t      *testing.T
	client *kubernetes.Clientset
	ns     string
	// dir holds web.yaml, an object that wants five replicas while the alert Busy fires; states is the folder of states.
	dir, states string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	config := sandbox.Config(t)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, client: client, ns: sandbox.Namespace(t, config), dir: t.TempDir(), states: filepath.Join(t.TempDir(), "states")}
	labels := map[string]string{"app": "web"}
	_, err = client.AppsV1().Deployments(w.ns).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app"}}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.write(5)
	return w
}

// write makes the object ask for n replicas while the alert fires.
func (w *world) write(n int) {
	w.t.Helper()
	text := fmt.Sprintf(`
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: %s}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 10
  cooldownPeriod: 0
  triggers: [{type: alertmanager, metadata: {matchers: 'alertname="Busy"', replicas: %d}}]
`, w.ns, n)
	if err := os.WriteFile(filepath.Join(w.dir, "web.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// options are those of a process in file mode.
func (w *world) options() Options {
	w.t.Helper()
	o := Defaults()
	o.Kubeconfig, o.Namespace, o.LeaseNamespace = os.Getenv("IMPULSE_SANDBOX_KUBECONFIG"), w.ns, w.ns
	o.Config, o.StateDir, o.Listen = w.dir, w.states, testkit.FreeAddress(w.t)
	return o
}

// running is one Run.
type running struct {
	t    *testing.T
	url  string
	stop func() error
}

// start runs Impulse until the test ends, or stop is called.
func start(t *testing.T, o Options) *running {
	t.Helper()
	o.LogTo = newJournal(t)
	ctx, cancel := context.WithCancel(t.Context())
	done, result := make(chan struct{}), error(nil)
	go func() {
		defer close(done)
		result = Run(ctx, o)
	}()
	r := &running{t: t, url: "http://" + o.Listen, stop: func() error {
		cancel()
		<-done
		return result
	}}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

// answer is what a GET is answered with; 0 when nobody does.
func (r *running) answer(ctx context.Context, path string) (int, string) {
	return send(ctx, http.MethodGet, r.url+path, nil)
}

// ready waits until the process says that it is.
func (r *running) ready() {
	r.t.Helper()
	testkit.Eventually(r.t, "it is ready", func(ctx context.Context) bool {
		code, _ := r.answer(ctx, "/readyz")
		return code == http.StatusOK
	})
}

// alert posts the alert Busy, as Alertmanager would, and returns how that was answered.
func (r *running) alert(namespace, status string) int {
	ends := "0001-01-01T00:00:00Z"
	if status == "resolved" {
		ends = "2026-01-02T00:00:00Z"
	}
	code, _ := send(r.t.Context(), http.MethodPost, r.url+"/v1/alertmanager/"+namespace, fmt.Appendf(nil, `{"version":"4","status":%[1]q,
		"alerts":[{"status":%[1]q,"labels":{"alertname":"Busy"},"startsAt":"2026-01-01T00:00:00Z","endsAt":%[2]q}]}`, status, ends))
	return code
}

func send(ctx context.Context, method, url string, body []byte) (int, string) {
	return sendAs(ctx, method, url, "", body)
}

func sendAs(ctx context.Context, method, url, token string, body []byte) (int, string) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(content)
}

// replicas waits until the Deployment has n.
func (w *world) replicas(n int32) {
	w.t.Helper()
	testkit.Eventually(w.t, fmt.Sprintf("web has %d replicas", n), func(ctx context.Context) bool {
		d, err := w.client.AppsV1().Deployments(w.ns).Get(ctx, "web", metav1.GetOptions{})
		return err == nil && *d.Spec.Replicas == n
	})
}

// keeps watches the Deployment until the returned function is called, which fails the test when it has had another count
// than n in between.
func (w *world) keeps(n int32) func() {
	w.t.Helper()
	stream, err := w.client.AppsV1().Deployments(w.ns).Watch(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	var wrong []int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range stream.ResultChan() {
			if d, ok := e.Object.(*appsv1.Deployment); ok && *d.Spec.Replicas != n {
				wrong = append(wrong, *d.Spec.Replicas)
			}
		}
	}()
	return func() {
		w.t.Helper()
		stream.Stop()
		if <-done; len(wrong) > 0 {
			w.t.Errorf("it had %v replicas, where it should have kept %d", wrong, n)
		}
	}
}

// holder is who holds the Lease; "" is nobody.
func (w *world) holder() string {
	w.t.Helper()
	lease, err := w.client.CoordinationV1().Leases(w.ns).Get(w.t.Context(), "impulse", metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// journal is a log in memory, which is shown when the test fails. The libraries log to the first one, even when its test is
// over.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func newJournal(t *testing.T) *journal {
	t.Helper()
	j := &journal{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the log:\n%s", j)
		}
	})
	return j
}

// Write adds a line.
func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// unreachable is the kubeconfig of a cluster that nobody answers for.
func unreachable(t *testing.T) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["away"] = &clientcmdapi.Cluster{Server: "http://" + testkit.FreeAddress(t)}
	config.Contexts["away"] = &clientcmdapi.Context{Cluster: "away"}
	config.CurrentContext = "away"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}
