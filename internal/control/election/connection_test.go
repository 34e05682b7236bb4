package election

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
)

func TestConnection(t *testing.T) {
	t.Parallel()
	t.Run("the Lease has a connection of its own", testLeaseHasConnectionOfItsOwn)
}

// An API server does not say which connection a request came by.
func testLeaseHasConnectionOfItsOwn(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	connections := map[string]bool{} // Whether Leases are requested over them.
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		lease := strings.Contains(r.URL.Path, "/leases/")
		if before, known := connections[r.RemoteAddr]; known && before != lease {
			t.Errorf("%s used a connection that served other requests, want one of its own", r.URL.Path)
		}
		connections[r.RemoteAddr] = lease
		w.WriteHeader(http.StatusNotFound)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	config := &rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}
	others, err := typedcorev1.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	elector, err := New(config, Options{Namespace: "impulse-system", Name: "impulse"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _ = others.Pods("shop").Get(t.Context(), "web", metav1.GetOptions{})
		_, _, _ = elector.lease.Get(t.Context())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(connections) != 2 {
		t.Errorf("%d connections were made, expected one for each", len(connections))
	}
}
