package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// patience is how long a test waits for something that should happen at once: it says "never", not "how fast".
const patience = 60 * time.Second

var scaledObjects = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "scaledobjects"}

// suite is what all tests share: the built binary and the sandbox that `make test` started.
var suite struct {
	dir, impulse, mockmetrics, bin, kubeconfig string
}

func TestMain(m *testing.M) {
	code, err := setUp(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// setUp builds the binaries once, applies the CRDs and runs the tests.
func setUp(m *testing.M) (int, error) {
	suite.bin, suite.kubeconfig = os.Getenv("IMPULSE_SANDBOX_BIN"), os.Getenv("IMPULSE_SANDBOX_KUBECONFIG")
	if suite.bin == "" || suite.kubeconfig == "" {
		return 0, errors.New("there is no control plane to test against: run `make test` or `make e2e`")
	}
	dir, err := os.MkdirTemp("", "impulse-e2e-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	suite.dir = dir
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if suite.impulse, err = process.Build(ctx, dir, "impulse", "../..", "./cmd/impulse"); err != nil {
		return 0, err
	}
	if suite.mockmetrics, err = process.Build(ctx, dir, "mockmetrics", "../..", "./deploy/mockmetrics"); err != nil {
		return 0, err
	}
	if out, err := process.Run(ctx, kubectlPath(), "--kubeconfig", suite.kubeconfig, "apply", "--server-side", "--force-conflicts", "-f", "../../deploy/crds"); err != nil {
		return 0, fmt.Errorf("apply the CRDs: %w\n%s", err, out)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "1000"); err != nil { // Places decide instead.
		return 0, err
	}
	return m.Run(), nil
}

// places are those of the tests at work at the same time. They wait more than they work: there are more places than cores.
var places = make(chan struct{}, 4)

// takePlace waits until a place is free; it is free again when the test is over.
func takePlace(t *testing.T) {
	t.Helper()
	places <- struct{}{}
	t.Cleanup(func() { <-places })
}

func kubectlPath() string { return filepath.Join(suite.bin, "kubectl") }

// world is one test's namespace and clients.
type world struct {
	t          *testing.T
	ns         string
	kubeconfig string
	kube       *kubernetes.Clientset
	dynamic    dynamic.Interface
}

// newWorld makes a namespace of its own for the test; it goes with the test.
func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	takePlace(t)
	return worldOf(t, suite.kubeconfig)
}

// newIdleWorld is newWorld for a test that waits for most of a minute, for a clock that is not ours: it needs no place, and starts
// at once.
func newIdleWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return worldOf(t, suite.kubeconfig)
}

// worldOf is newWorld on a cluster of the caller's choice.
func worldOf(t *testing.T, kubeconfig string) *world {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	w := &world{t: t, kubeconfig: kubeconfig, kube: kubernetes.NewForConfigOrDie(cfg), dynamic: dynamic.NewForConfigOrDie(cfg)}
	ns, err := w.kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.ns = ns.Name
	t.Cleanup(func() {
		_ = w.kube.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), w.ns, metav1.DeleteOptions{})
	})
	return w
}

// apply applies YAML in the test's namespace.
func (w *world) apply(text string) {
	w.t.Helper()
	if out, err := w.kubectl(w.t.Context(), text, "apply", "-f", "-"); err != nil {
		w.t.Fatalf("apply: %v\n%s\n%s", err, out, text)
	}
}

// kubectl runs kubectl in the test's namespace.
func (w *world) kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	w.t.Helper()
	args = append([]string{"--kubeconfig", w.kubeconfig, "-n", w.ns}, args...)
	return process.RunWithInput(ctx, strings.NewReader(stdin), kubectlPath(), args...)
}

// deployment makes a Deployment with n replicas.
func (w *world) deployment(name string, n int) {
	w.t.Helper()
	w.apply(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[2]d
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: app, image: app}]}
`, name, n))
}

// replicas waits until spec.replicas of a Deployment is n.
func (w *world) replicas(name string, n int32) {
	w.t.Helper()
	var last int32
	w.until(fmt.Sprintf("%s has %d replicas", name, n), func(ctx context.Context) (bool, error) {
		last = w.count(ctx, name)
		return last == n, nil
	}, func() string { return fmt.Sprintf("it has %d\n%s", last, w.describe(w.t.Context(), name)) })
}

// count returns spec.replicas of a Deployment.
func (w *world) count(ctx context.Context, name string) int32 {
	w.t.Helper()
	d, err := w.kube.AppsV1().Deployments(w.ns).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return *d.Spec.Replicas
}

// describe returns what the ScaledObject says of itself, for failures.
func (w *world) describe(ctx context.Context, name string) string {
	out, err := w.kubectl(ctx, "", "get", "so", name, "-o", "yaml")
	if err != nil {
		return err.Error()
	}
	return out
}

// condition waits until a ScaledObject's condition has a status and a reason.
func (w *world) condition(name, kind, status, reason string) {
	w.t.Helper()
	w.until(fmt.Sprintf("%s: %s=%s/%s", name, kind, status, reason), func(ctx context.Context) (bool, error) {
		so, err := w.dynamic.Resource(scaledObjects).Namespace(w.ns).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, err := unstructured.NestedSlice(so.Object, "status", "conditions")
		for _, c := range conditions {
			if m, ok := c.(map[string]any); ok && m["type"] == kind && m["status"] == status && m["reason"] == reason {
				return true, nil
			}
		}
		return false, err
	}, func() string { return w.describe(w.t.Context(), name) })
}

// until waits for a condition and shows what there is instead when it does not come.
func (w *world) until(what string, cond func(context.Context) (bool, error), instead func() string) {
	w.t.Helper()
	if err := process.WaitFor(w.t.Context(), patience, what, cond); err != nil {
		w.t.Fatalf("%v\n%s", err, instead())
	}
}

// impulse is a running `impulse run`.
type impulse struct {
	*process.Process
	url  string
	args []string
}

// run starts `impulse run` for the test's namespace and waits until it is ready.
func (w *world) run(args ...string) *impulse {
	w.t.Helper()
	i := w.impulse(args...)
	w.restart(i)
	return i
}

// impulse is one that has not been started yet.
func (w *world) impulse(args ...string) *impulse {
	w.t.Helper()
	address := freeAddress(w.t)
	return &impulse{url: "http://" + address, args: append([]string{
		"run", "--kubeconfig", w.kubeconfig, "--namespace", w.ns, "--lease-namespace", w.ns, "--listen", address,
		"--allow-source-addresses", "127.0.0.0/8,::1",
	}, args...)}
}

// restart starts an impulse again, with the same arguments, after it has ended.
func (w *world) restart(i *impulse) {
	w.t.Helper()
	i.Process = w.spawn("impulse", suite.impulse, i.args...)
	w.ready(i)
}

// ready waits until an impulse says that it is.
func (w *world) ready(i *impulse) {
	w.t.Helper()
	w.until("impulse is ready", func(ctx context.Context) (bool, error) {
		return get(ctx, i.url+"/readyz") == http.StatusOK, i.Err()
	}, func() string { return logOf(i.Process) })
}

// spawn starts a program that ends with the test; its log is shown when the test fails.
func (w *world) spawn(name, binary string, args ...string) *process.Process {
	w.t.Helper()
	p, err := process.Start(w.t.Context(), w.t.TempDir(), name, binary, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		p.Stop()
		if w.t.Failed() {
			w.t.Logf("the log of %s:\n%s", name, logOf(p))
		}
	})
	return p
}

func logOf(p *process.Process) string {
	content, err := os.ReadFile(p.LogPath())
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-16<<10):])
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := process.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// get returns the status code of a GET; 0 when there is no answer.
func get(ctx context.Context, url string) int { return send(ctx, http.MethodGet, url, nil) }

// post returns the status code of a POST of JSON; 0 when there is no answer.
func post(ctx context.Context, url, body string) int {
	return send(ctx, http.MethodPost, url, []byte(body))
}

func send(ctx context.Context, method, url string, body []byte) int {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
