package actuator

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
)

func TestDiscovery(t *testing.T) {
	t.Run("a request for a kind that is not answered is repeated after ten seconds", testRequestForKindThatIsNotAnsweredIsRepeatedAfterTenSeconds)
	t.Run("a kind whose definition is not read within ten seconds is watched without it", testKindWhoseDefinitionIsNotReadWithinTenSecondsIsWatchedWithoutIt)
}

// partlySilent is an API server that answers only requests for one path.
type partlySilent struct {
	path, answer string

	mu   sync.Mutex
	sent map[string]int
}

// RoundTrip implements http.RoundTripper.
func (s *partlySilent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.sent[r.URL.Path]++
	s.mu.Unlock()
	if r.URL.Path == s.path {
		header := http.Header{"Content-Type": {"application/json"}}
		return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(s.answer)), Request: r}, nil
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// requests returns how many requests were sent for a path while a target is followed for 15 seconds.
func (s *partlySilent) requests(t *testing.T, followed Target, path string) (n int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.sent = map[string]int{}
		c, err := New(&rest.Config{Host: "http://api.test", Transport: s}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		stop, err := c.Follow(followed, WatchOptions{}, func(Observation) {})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(15 * time.Second)
		stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		n = s.sent[path]
	})
	return n
}

func testRequestForKindThatIsNotAnsweredIsRepeatedAfterTenSeconds(t *testing.T) {
	api, web := &partlySilent{}, Target{Namespace: "shop", Name: "web", APIVersion: "apps/v1", Kind: "Deployment"}
	if n := api.requests(t, web, "/apis/apps/v1"); n != 2 {
		t.Errorf("%d requests in 15s, want 2", n)
	}
}

func testKindWhoseDefinitionIsNotReadWithinTenSecondsIsWatchedWithoutIt(t *testing.T) {
	api := &partlySilent{path: "/apis/example.com/v1", answer: `{"resources": [
		{"name": "widgets", "kind": "Widget", "namespaced": true}, {"name": "widgets/scale", "kind": "Scale", "namespaced": true}]}`}
	widget := Target{Namespace: "shop", Name: "web", APIVersion: "example.com/v1", Kind: "Widget"}
	if n := api.requests(t, widget, "/apis/example.com/v1/widgets"); n != 1 {
		t.Errorf("%d requests for the widgets in 15s, want 1", n)
	}
}
