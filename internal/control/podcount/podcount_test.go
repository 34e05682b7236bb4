package podcount

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/triggers"
)

func TestCountPods(t *testing.T) {
	t.Parallel()
	t.Run("pods of a selector are counted until they finish", testPodsOfSelectorAreCountedUntilTheyFinish)
	t.Run("nodes are counted once", testNodesAreCountedOnce)
	t.Run("one watch per namespace ends with its last count", testOneWatchPerNamespaceEndsWithItsLastCount)
	t.Run("the count is unknown while pods may not be listed", testCountIsUnknownWhilePodsMayNotBeListed)
	t.Run("a selector that cannot be read is an error", testSelectorThatCannotBeReadIsError)
}

// env is a namespace of a real API server, and a user who may list pods there until forbid is called.
type env struct {
	*testing.T

	kube      kubernetes.Interface
	namespace string
	counter   *Counter

	mu    sync.Mutex
	conns []net.Conn
}

func newEnv(t *testing.T) *env {
	t.Helper()
	config := sandbox.Config(t)
	e := &env{T: t, kube: kubernetes.NewForConfigOrDie(config), namespace: sandbox.Namespace(t, config)}
	user := rest.CopyConfig(config)
	user.Impersonate = rest.ImpersonationConfig{UserName: e.namespace, Groups: []string{"system:authenticated"}}
	user.Dial = e.dial
	var err error
	if e.counter, err = New(user, workqueue.New(2)); err != nil {
		t.Fatal(err)
	}
	_, err = e.kube.RbacV1().Roles(e.namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "pods"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list", "watch"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.allow()
	return e
}

// dial remembers the connection.
func (e *env) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.conns = append(e.conns, c)
	}
	return c, err
}

// allow lets the user list and watch pods.
func (e *env) allow() {
	e.Helper()
	_, err := e.kube.RbacV1().RoleBindings(e.namespace).Create(e.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "pods"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "pods"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: e.namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		e.Fatal(err)
	}
}

// forbid ends the permission, and closes all connections, because a watch that is open goes on.
func (e *env) forbid() {
	e.Helper()
	if err := e.kube.RbacV1().RoleBindings(e.namespace).Delete(e.Context(), "pods", metav1.DeleteOptions{}); err != nil {
		e.Fatal(err)
	}
	of := authorizationv1.ResourceAttributes{Namespace: e.namespace, Verb: "watch", Resource: "pods"}
	sandbox.AwaitAccess(e, e.kube, e.namespace, of, false)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.conns {
		_ = c.Close()
	}
	e.conns = nil
}

// create creates a pod with the label app. No scheduler and so no kubelet, which would change its phase, takes it.
func (e *env) create(name, app, node string) {
	e.Helper()
	_, err := e.kube.CoreV1().Pods(e.namespace).Create(e.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{NodeName: node, SchedulerName: "none", Containers: []corev1.Container{{Name: "app", Image: "app"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		e.Fatal(err)
	}
}

// finish sets the phase of a pod.
func (e *env) finish(name string, phase corev1.PodPhase) {
	e.Helper()
	patch := []byte(fmt.Sprintf(`{"status":{"phase":%q}}`, phase))
	if _, err := e.kube.CoreV1().Pods(e.namespace).Patch(e.Context(), name, "application/merge-patch+json", patch, metav1.PatchOptions{}, "status"); err != nil {
		e.Fatal(err)
	}
}

func (e *env) remove(name string) {
	e.Helper()
	if err := e.kube.CoreV1().Pods(e.namespace).Delete(e.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}); err != nil {
		e.Fatal(err)
	}
}

// counting is a count in progress.
type counting struct {
	*env

	results chan result
	stop    func()
}

func (e *env) count(selector string, byNode bool) *counting {
	e.Helper()
	c := &counting{env: e, results: make(chan result, 100)}
	stop, err := e.counter.CountPods(triggers.PodQuery{Namespace: e.namespace, Selector: selector, ByNode: byNode}, func(n int64, err error) { c.results <- result{n, err} })
	if err != nil {
		e.Fatal(err)
	}
	c.stop = sync.OnceFunc(stop)
	e.Cleanup(c.stop)
	return c
}

// until waits for a count.
func (c *counting) until(want int64) {
	c.Helper()
	c.await(fmt.Sprintf("%d pods", want), func(r result) bool { return r.err == nil && r.count == want })
}

func (c *counting) await(what string, wanted func(result) bool) {
	c.Helper()
	timeout := time.After(testkit.Timeout)
	for last := (result{count: -1}); ; {
		select {
		case last = <-c.results:
			if wanted(last) {
				return
			}
		case <-timeout:
			c.Fatalf("got %+v last, want %s", last, what)
		}
	}
}

func testPodsOfSelectorAreCountedUntilTheyFinish(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.create("a-1", "a", "")
	c := e.count("app in (a,b)", false)
	c.until(1)
	e.create("a-2", "a", "")
	c.until(2)
	e.create("c-1", "c", "")
	e.create("b-1", "b", "")
	c.until(3)
	e.finish("a-1", corev1.PodSucceeded)
	c.until(2)
	e.finish("b-1", corev1.PodFailed)
	c.until(1)
	e.remove("a-2")
	c.until(0)
	_, err := e.kube.CoreV1().Pods(e.namespace).Patch(t.Context(), "c-1", "application/merge-patch+json", []byte(`{"metadata":{"labels":{"app":"a"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.until(1)
}

func testNodesAreCountedOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	c := e.count("app=a", true)
	c.until(0)
	e.create("a-1", "a", "node-x")
	c.until(1)
	e.create("a-2", "a", "node-x")
	e.create("a-3", "a", "node-y")
	c.until(2)
	e.remove("a-3")
	c.until(1)
	e.remove("a-1")
	e.create("a-4", "a", "node-y")
	c.until(2)
}

func testOneWatchPerNamespaceEndsWithItsLastCount(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.create("a-1", "a", "")
	all := []*counting{e.count("app=a", false), e.count("app=a", false), e.count("app=b", false)}
	for i, want := range []int64{1, 1, 0} {
		all[i].until(want)
	}
	if n := e.counter.namespaces.Len(); n != 1 {
		t.Errorf("%d namespaces are watched, want 1", n)
	}
	for _, c := range all {
		c.stop()
	}
	if n := e.counter.namespaces.Len(); n != 0 {
		t.Errorf("%d namespaces are watched after the last count, want 0", n)
	}
}

func testCountIsUnknownWhilePodsMayNotBeListed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.create("a-1", "a", "")
	c := e.count("app=a", false)
	c.until(1)
	e.forbid()
	c.await("that it is forbidden", func(r result) bool { return r.err != nil && strings.Contains(r.err.Error(), "deploy/manifests") })
	e.create("a-2", "a", "")
	e.allow()
	c.until(2)
}

func testSelectorThatCannotBeReadIsError(t *testing.T) {
	t.Parallel()
	counter, err := New(&rest.Config{Host: "http://" + testkit.FreeAddress(t)}, workqueue.New(1))
	if err != nil {
		t.Fatal(err)
	}
	_, err = counter.CountPods(triggers.PodQuery{Namespace: "shop", Selector: "a in b"}, func(int64, error) {})
	if err == nil || counter.namespaces.Len() != 0 {
		t.Errorf("got %v and %d watched namespaces, want an error and none", err, counter.namespaces.Len())
	}
}
