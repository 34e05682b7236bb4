package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/control/election"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// logTail is how many bytes of a log a failed test shows.
const logTail = 16 << 10

// timeout is how long a test waits for an event that is expected at once.
const timeout = testkit.Timeout

// root is the repository's root.
const root = "../.."

var scaledObjects = schema.GroupVersionResource{Group: "impulse.sh", Version: "v1alpha1", Resource: "scaledobjects"}

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "1000"); err != nil { // slots decide instead.
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(sandbox.Main(m))
}

// slots bound the tests that run at the same time. The tests mostly wait, so there are more slots than cores.
var slots = make(chan struct{}, 4)

// acquireSlot waits until a slot is free, and releases it when the test ends.
func acquireSlot(t *testing.T) {
	t.Helper()
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
}

// env is one test's namespace, in which it runs impulse.
type env struct {
	*sandbox.Env
	t *testing.T
	// command is the path of the impulse binary.
	command string
}

// envOf returns the env of a test in a namespace.
func envOf(t *testing.T, e *sandbox.Env) *env {
	t.Helper()
	return &env{Env: e, t: t, command: sandbox.Command(t, root, "./cmd/impulse")}
}

// newEnv creates a namespace in the shared control plane, which has our CRDs.
func newEnv(t *testing.T) *env {
	t.Helper()
	t.Parallel()
	acquireSlot(t)
	return sharedEnv(t)
}

// newIdleEnv is newEnv for a test that mostly waits for a clock that it cannot control, most of a minute: it needs no slot, and
// starts at once.
func newIdleEnv(t *testing.T) *env {
	t.Helper()
	t.Parallel()
	return sharedEnv(t)
}

var applyCRDs sync.Once

// sharedEnv creates a namespace in the shared control plane.
func sharedEnv(t *testing.T) *env {
	t.Helper()
	e := envOf(t, sandbox.NewEnv(t))
	applyCRDs.Do(func() { sandbox.ApplyCRDs(t, root+"/deploy/crds") })
	return e
}

// count returns spec.replicas of a Deployment.
func (e *env) count(ctx context.Context, name string) int32 {
	e.t.Helper()
	var n int32
	err := waitFor(ctx, timeout, "the count of "+name+" is read", func(ctx context.Context) (bool, error) {
		var err error
		n, err = e.Replicas(ctx, name)
		return err == nil, err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}

// condition waits until a ScaledObject's condition has a status and a reason.
func (e *env) condition(name, kind, status, reason string) {
	e.t.Helper()
	e.until(fmt.Sprintf("%s: %s=%s/%s", name, kind, status, reason), func(ctx context.Context) (bool, error) {
		so, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Get(ctx, name, metav1.GetOptions{})
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
	}, func() string { return e.Describe(e.t.Context(), name) })
}

// until waits for a condition. After the timeout it fails the test with the text of instead.
func (e *env) until(what string, cond func(context.Context) (bool, error), instead func() string) {
	e.t.Helper()
	if err := waitFor(e.t.Context(), timeout, what, cond); err != nil {
		e.t.Fatalf("%v\n%s", err, instead())
	}
}

// waitFor is process.WaitFor, which ends at an error, except that it goes on while the API server or its etcd are too busy to answer.
func waitFor(ctx context.Context, timeout time.Duration, what string, cond func(context.Context) (bool, error)) error {
	var busy error
	err := process.WaitFor(ctx, timeout, what, func(ctx context.Context) (bool, error) {
		ok, err := cond(ctx)
		if busy = nil; isBusy(err) {
			busy, err = err, nil
		}
		return ok, err
	})
	if err != nil {
		return errors.Join(err, busy)
	}
	return nil
}

// isBusy reports whether an error may be gone at the next attempt.
func isBusy(err error) bool {
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		code := status.Status().Code
		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
	}
	late, ok := errors.AsType[net.Error](err)
	return ok && late.Timeout()
}

// impulse is a running `impulse run`.
type impulse struct {
	*process.Process
	url  string
	args []string
}

// lostLeases returns how often the process has lost the Lease, as it does on a busy machine. It begins anew when it has it again.
func (i *impulse) lostLeases() int { return strings.Count(i.log(), "lease is lost") }

// hesitated reports whether the process has not written because its Lease may have expired, as it may on a busy machine.
func (i *impulse) hesitated() bool {
	return i.lostLeases() > 0 || strings.Contains(i.log(), election.ErrNotLeading.Error())
}

// log returns all that the process has printed.
func (i *impulse) log() string { return i.LogTail(math.MaxInt) }

// run starts `impulse run` for the test's namespace and waits until it is ready.
func (e *env) run(args ...string) *impulse {
	e.t.Helper()
	i := e.impulse(args...)
	e.restart(i)
	return i
}

// impulse returns an impulse that has not been started yet.
func (e *env) impulse(args ...string) *impulse {
	e.t.Helper()
	address := testkit.FreeAddress(e.t)
	return &impulse{url: "http://" + address, args: append([]string{
		"run", "--kubeconfig", e.Kubeconfig, "--namespace", e.Namespace, "--lease-namespace", e.Namespace, "--listen", address,
		"--allow-source-addresses", "127.0.0.0/8,::1",
	}, args...)}
}

// restart starts an impulse again, with the same arguments, after it has ended.
func (e *env) restart(i *impulse) {
	e.t.Helper()
	i.Process = e.spawn("impulse", e.command, i.args...)
	e.ready(i)
}

// ready waits until an impulse is ready.
func (e *env) ready(i *impulse) {
	e.t.Helper()
	e.until("impulse is ready", func(ctx context.Context) (bool, error) {
		return get(ctx, i.url+"/readyz") == http.StatusOK, i.Err()
	}, func() string { return i.LogTail(logTail) })
}

// spawn starts a program that ends with the test; its log is shown when the test fails.
func (e *env) spawn(name, binary string, args ...string) *process.Process {
	e.t.Helper()
	p, err := process.Start(e.t.Context(), e.t.TempDir(), name, binary, args...)
	if err != nil {
		e.t.Fatal(err)
	}
	e.endWithTest(name, p)
	return p
}

// endWithTest stops a program when the test ends, and shows its log if the test has failed.
func (e *env) endWithTest(name string, p *process.Process) {
	e.t.Helper()
	e.t.Cleanup(func() {
		p.Stop()
		if e.t.Failed() {
			e.t.Logf("the log of %s:\n%s", name, p.LogTail(logTail))
		}
	})
}

// get returns the status code of a GET; 0 without a response.
func get(ctx context.Context, url string) int {
	code, _ := testkit.Get(ctx, url)
	return code
}

// post returns the status code of a POST of JSON; 0 without a response.
func post(ctx context.Context, url string, body []byte) int {
	code, _ := testkit.Post(ctx, url, body)
	return code
}
