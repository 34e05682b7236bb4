package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// env is a namespace with a Deployment web of one replica, which processes of this test scale.
type env struct {
	*sandbox.Env
	t *testing.T
	// dir holds web.yaml, an object that wants five replicas while the alert Busy fires; states is the folder of states.
	dir, states string
}

func newEnv(t *testing.T) *env {
	t.Helper()
	e := &env{Env: sandbox.NewEnv(t), t: t, dir: t.TempDir(), states: filepath.Join(t.TempDir(), "states")}
	e.ApplyDeployment("web", 1)
	e.writeObject(5)
	return e
}

// writeObject writes an object that asks for n replicas while the alert fires.
func (e *env) writeObject(n int) {
	e.t.Helper()
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
`, e.Namespace, n)
	if err := os.WriteFile(filepath.Join(e.dir, "web.yaml"), []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// options returns the options of a process in file mode.
func (e *env) options() Options {
	e.t.Helper()
	o := Defaults()
	o.Kubeconfig, o.Namespace, o.LeaseNamespace = e.Kubeconfig, e.Namespace, e.Namespace
	o.Config, o.StateDir, o.Listen = e.dir, e.states, testkit.FreeAddress(e.t)
	return o
}

// running is one call of Run.
type running struct {
	t    *testing.T
	url  string
	stop func() error
}

// start runs Impulse until the test ends, or stop is called.
func start(t *testing.T, o Options) *running {
	t.Helper()
	o.LogTo, o.Grace = testkit.NewLog(t), testkit.Timeout
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

// get returns the status code and the body of the response to a GET; 0 without a response.
func (r *running) get(ctx context.Context, path string) (int, string) {
	return testkit.Get(ctx, r.url+path)
}

// awaitReady waits until the process is ready.
func (r *running) awaitReady() {
	r.t.Helper()
	testkit.Eventually(r.t, "the process is ready", func(ctx context.Context) bool {
		code, _ := r.get(ctx, "/readyz")
		return code == http.StatusOK
	})
}

// awaitAnswer sends a request until the response has the status code want, and returns its body. Until then it may only be 503, which asks
// for another attempt, or missing.
func (r *running) awaitAnswer(method, path, body string, want int) string {
	r.t.Helper()
	var code int
	var text string
	testkit.Eventually(r.t, method+" "+path+" is answered", func(ctx context.Context) bool {
		code, text = testkit.Request(ctx, method, r.url+path, "", []byte(body))
		if code != 0 && code != http.StatusServiceUnavailable && code != want {
			r.t.Fatalf("%s was answered with %d %s, want %d", body, code, text, want)
		}
		return code == want
	})
	return text
}

// postAlert posts the alert Busy, as Alertmanager would, until it is recorded.
func (r *running) postAlert(namespace, status string) {
	r.t.Helper()
	r.awaitAnswer(http.MethodPost, "/v1/alertmanager/"+namespace, string(testkit.AlertmanagerWebhook("Busy", status)), http.StatusOK)
}

// holder returns the holder of the Lease; "" without one.
func (e *env) holder() string {
	e.t.Helper()
	lease, err := e.Kube.CoordinationV1().Leases(e.Namespace).Get(e.t.Context(), "impulse", metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// unreachableCluster returns the path of a kubeconfig for a cluster that does not exist.
func unreachableCluster(t *testing.T) string {
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

// expectParts fails the test for each part that a text does not contain.
func expectParts(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got the text\n%s\nwant one with %q", text, part)
		}
	}
}
