package metricsapi

import (
	"errors"
	"maps"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/impulse-sh/impulse/triggers"
)

// service is a Service whose endpoints a test decides, because those of a real one cannot be on this machine: Kubernetes refuses
// addresses such as 127.0.0.1. Package endpointslices has the tests against an API server.
type service struct {
	testing.TB

	mu      sync.Mutex
	name    triggers.Service
	current []triggers.ServiceEndpoint
	err     error
	changes map[int]func([]triggers.ServiceEndpoint, error)
	next    int
}

var errAway = errors.New("the API server is away")

// newService returns a Service with servers as its pods.
func newService(tb testing.TB, servers ...*httptest.Server) *service {
	tb.Helper()
	s := &service{TB: tb, changes: map[int]func([]triggers.ServiceEndpoint, error){}}
	s.current = s.endpoints(servers...)
	return s
}

// endpoints returns the endpoints of servers.
func (s *service) endpoints(servers ...*httptest.Server) []triggers.ServiceEndpoint {
	s.Helper()
	var all []triggers.ServiceEndpoint
	for _, server := range servers {
		u, err := url.Parse(server.URL)
		if err != nil {
			s.Fatal(err)
		}
		port, err := strconv.ParseInt(u.Port(), 10, 32)
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, triggers.ServiceEndpoint{Address: u.Hostname(), Ports: []int32{int32(port)}})
	}
	return all
}

// watch implements WatchService of triggers.Env.
func (s *service) watch(name triggers.Service, changed func([]triggers.ServiceEndpoint, error)) (stop func()) {
	s.mu.Lock()
	s.name = name
	id := s.next
	s.next++
	s.changes[id] = changed
	changed(s.current, s.err)
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.changes, id)
	}
}

// set changes the endpoints or the reason why they are unknown.
func (s *service) set(endpoints []triggers.ServiceEndpoint, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.err = endpoints, err
	for changed := range maps.Values(s.changes) {
		changed(endpoints, err)
	}
}
