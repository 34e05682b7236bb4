package e2e

import (
	"net/http"
	"path"
	"sync"
	"testing"
)

func TestStreamedLists(t *testing.T) {
	t.Parallel()
	t.Run("the objects and their targets are read as streams, not as lists", testObjectsAndTargetsAreReadAsStreams)
}

// listProxy is a proxy to the real API server that counts how each resource is read.
type listProxy struct {
	next http.RoundTripper

	mu              sync.Mutex
	lists, streamed map[string]int
}

// RoundTrip forwards a request.
func (l *listProxy) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	l.mu.Lock()
	switch resource := path.Base(r.URL.Path); {
	case r.Method != http.MethodGet:
	case q.Get("sendInitialEvents") == "true":
		l.streamed[resource]++
	case q.Get("watch") == "":
		l.lists[resource]++
	}
	l.mu.Unlock()
	return l.next.RoundTrip(r)
}

// A list of ten thousand objects would be in memory as a whole, here and at the API server.
func testObjectsAndTargetsAreReadAsStreams(t *testing.T) {
	e := newIdleEnv(t)
	l := &listProxy{lists: map[string]int{}, streamed: map[string]int{}}
	kubeconfig := proxyTo(t, func(next http.RoundTripper) http.RoundTripper {
		l.next = next
		return l
	})
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	e.run("--kubeconfig", kubeconfig)
	e.condition("web", "Ready", "True", "Ready")
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, resource := range []string{"scaledobjects", "deployments"} {
		if l.streamed[resource] == 0 || l.lists[resource] > 0 {
			t.Errorf("%s were streamed %d times and listed %d times, want streamed only", resource, l.streamed[resource], l.lists[resource])
		}
	}
}
