package endpointslices

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
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/triggers"
)

func TestWatchService(t *testing.T) {
	t.Parallel()
	t.Run("the endpoints of a Service are followed", testEndpointsOfServiceAreFollowed)
	t.Run("one watch per namespace ends with its last Service", testOneWatchPerNamespaceEndsWithItsLastService)
	t.Run("endpoints are unknown while they may not be listed", testEndpointsAreUnknownWhileTheyMayNotBeListed)
}

// env is a namespace of a real API server, and a user who may list EndpointSlices there until forbid is called.
type env struct {
	*testing.T

	kube      kubernetes.Interface
	namespace string
	watcher   *Watcher

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
	if e.watcher, err = New(user, workqueue.New(2)); err != nil {
		t.Fatal(err)
	}
	_, err = e.kube.RbacV1().Roles(e.namespace).Create(t.Context(), &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "endpointslices"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{discoveryv1.GroupName}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "watch"}}},
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

// allow lets the user list and watch EndpointSlices.
func (e *env) allow() {
	e.Helper()
	_, err := e.kube.RbacV1().RoleBindings(e.namespace).Create(e.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "endpointslices"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "endpointslices"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: e.namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		e.Fatal(err)
	}
}

// forbid ends the permission, and closes all connections, because a watch that is open goes on.
func (e *env) forbid() {
	e.Helper()
	if err := e.kube.RbacV1().RoleBindings(e.namespace).Delete(e.Context(), "endpointslices", metav1.DeleteOptions{}); err != nil {
		e.Fatal(err)
	}
	of := authorizationv1.ResourceAttributes{Namespace: e.namespace, Verb: "watch", Group: discoveryv1.GroupName, Resource: "endpointslices"}
	sandbox.AwaitAccess(e, e.kube, e.namespace, of, false)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.conns {
		_ = c.Close()
	}
	e.conns = nil
}

// create creates an EndpointSlice of a Service with the port 8080 and ready endpoints.
func (e *env) create(name, service string, addresses ...string) {
	e.Helper()
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)}},
	}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}})
	}
	if _, err := e.kube.DiscoveryV1().EndpointSlices(e.namespace).Create(e.Context(), s, metav1.CreateOptions{}); err != nil {
		e.Fatal(err)
	}
}

// setReady changes whether the first endpoint of an EndpointSlice is ready.
func (e *env) setReady(name string, ready bool) {
	e.Helper()
	patch := fmt.Appendf(nil, `[{"op": "replace", "path": "/endpoints/0/conditions/ready", "value": %t}]`, ready)
	if _, err := e.kube.DiscoveryV1().EndpointSlices(e.namespace).Patch(e.Context(), name, "application/json-patch+json", patch, metav1.PatchOptions{}); err != nil {
		e.Fatal(err)
	}
}

func (e *env) remove(name string) {
	e.Helper()
	if err := e.kube.DiscoveryV1().EndpointSlices(e.namespace).Delete(e.Context(), name, metav1.DeleteOptions{}); err != nil {
		e.Fatal(err)
	}
}

// following is a Service that is followed.
type following struct {
	*env

	results chan result
	stop    func()
}

func (e *env) follow(service string) *following {
	e.Helper()
	f := &following{env: e, results: make(chan result, 100)}
	f.stop = sync.OnceFunc(e.watcher.WatchService(triggers.Service{Namespace: e.namespace, Name: service}, func(all []triggers.ServiceEndpoint, err error) { f.results <- result{all, err} }))
	e.Cleanup(f.stop)
	return f
}

// until waits for these addresses.
func (f *following) until(addresses ...string) {
	f.Helper()
	f.await(fmt.Sprintf("the addresses %v", addresses), func(r result) bool { return r.err == nil && f.has(r, addresses) })
}

func (f *following) has(r result, addresses []string) bool {
	f.Helper()
	if len(r.endpoints) != len(addresses) {
		return false
	}
	for i, e := range r.endpoints {
		if len(e.Ports) != 1 || e.Ports[0] != 8080 {
			f.Errorf("got the ports %v of %s, want 8080", e.Ports, e.Address)
		}
		if e.Address != addresses[i] {
			return false
		}
	}
	return true
}

func (f *following) await(what string, wanted func(result) bool) {
	f.Helper()
	timeout := time.After(testkit.Timeout)
	for last := (result{}); ; {
		select {
		case last = <-f.results:
			if wanted(last) {
				return
			}
		case <-timeout:
			f.Fatalf("got %+v last, want %s", last, what)
		}
	}
}

func testEndpointsOfServiceAreFollowed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.create("orders-1", "orders", "10.0.0.2", "10.0.0.1")
	f := e.follow("orders")
	f.until("10.0.0.1", "10.0.0.2")
	e.create("other-1", "other", "10.0.0.9")
	e.create("orders-2", "orders", "10.0.0.3", "10.0.0.1")
	f.until("10.0.0.1", "10.0.0.2", "10.0.0.3")
	e.setReady("orders-1", false)
	f.until("10.0.0.1", "10.0.0.3")
	e.remove("orders-1")
	e.setReady("orders-2", false)
	f.until("10.0.0.1")
	e.remove("orders-2")
	f.until()
}

func testOneWatchPerNamespaceEndsWithItsLastService(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.create("orders-1", "orders", "10.0.0.1")
	all := []*following{e.follow("orders"), e.follow("orders"), e.follow("none")}
	for i, want := range [][]string{{"10.0.0.1"}, {"10.0.0.1"}, nil} {
		all[i].until(want...)
	}
	if n := e.watcher.namespaces.Len(); n != 1 {
		t.Errorf("%d namespaces are watched, want 1", n)
	}
	for _, f := range all {
		f.stop()
	}
	if n := e.watcher.namespaces.Len(); n != 0 {
		t.Errorf("%d namespaces are watched after the last Service, want 0", n)
	}
}

func testEndpointsAreUnknownWhileTheyMayNotBeListed(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.create("orders-1", "orders", "10.0.0.1")
	f := e.follow("orders")
	f.until("10.0.0.1")
	e.forbid()
	f.await("that it is forbidden", func(r result) bool { return r.err != nil && strings.Contains(r.err.Error(), "deploy/manifests") })
	e.create("orders-2", "orders", "10.0.0.2")
	e.allow()
	f.until("10.0.0.1", "10.0.0.2")
}
