package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestStop(t *testing.T) {
	t.Parallel()
	t.Run("a leader stops in time when the API server answers nothing", testLeaderStopsInTimeWhenServerAnswersNothing)
	t.Run("a leader stops in time when the API server answers nothing but its Lease", testLeaderStopsInTimeWhenServerAnswersNothingButLease)
}

// The Lease is answered until a count waits. The leader may lose it before it is stopped.
func testLeaderStopsInTimeWhenServerAnswersNothing(t *testing.T) {
	expectStopOfSilencedLeader(t, func(s *silentProxy, r *http.Request) bool { return isOfLease(r) && !s.holds("/scale") }, "/scale")
}

func testLeaderStopsInTimeWhenServerAnswersNothingButLease(t *testing.T) {
	expectStopOfSilencedLeader(t, func(_ *silentProxy, r *http.Request) bool { return isOfLease(r) }, "/scale", "/status", "/events")
}

func isOfLease(r *http.Request) bool { return strings.Contains(r.URL.Path, "/leases/") }

// silencedObjects is the number of objects of which a count waits, and of those of which the first status and Event wait.
const silencedObjects = 20

// expectStopOfSilencedLeader stops a leader whose API server answers only some requests, once writes to paths with these ends wait. The process
// fails the test by its exit code if it does not stop within its own limit.
func expectStopOfSilencedLeader(t *testing.T, answers func(*silentProxy, *http.Request) bool, waiting ...string) {
	t.Helper()
	e := newIdleEnv(t)
	for n := range silencedObjects {
		name := fmt.Sprintf("web-%02d", n)
		e.ApplyDeployment(name, 1)
		e.Apply(strings.Replace(onAlert(name), `alertname="`+name+`"`, `alertname="busy"`, 1))
	}
	s := newSilentProxy(t, answers)
	i := e.run("--kubeconfig", s.kubeconfig)
	for n := range silencedObjects {
		e.condition(fmt.Sprintf("web-%02d", n), "Ready", "True", "Ready")
	}
	s.silent.Store(true)
	var sent sync.WaitGroup
	sent.Go(func() { // It is not answered, because its alert cannot be recorded.
		_ = post(t.Context(), i.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("busy", "firing"))
	})
	for n := range silencedObjects {
		e.Apply(onAlert(fmt.Sprintf("missing-%02d", n))) // It has no target.
	}
	e.until("writes wait", func(context.Context) (bool, error) { return s.holds(waiting...), i.Err() }, func() string { return i.LogTail(logTail) })
	i.Stop()
	if err := i.Wait(); err != nil {
		t.Errorf("the leader did not stop in time: %v\n%s", err, i.LogTail(logTail))
	}
	sent.Wait()
}

// silentProxy is a proxy to the real API server that answers only some requests while it is silent.
type silentProxy struct {
	kubeconfig string
	next       http.RoundTripper
	answers    func(*silentProxy, *http.Request) bool
	silent     atomic.Bool

	mu sync.Mutex
	// held are the paths of the writes that were not answered.
	held []string
}

func newSilentProxy(t *testing.T, answers func(*silentProxy, *http.Request) bool) *silentProxy {
	t.Helper()
	s := &silentProxy{answers: answers}
	s.kubeconfig = proxyTo(t, func(next http.RoundTripper) http.RoundTripper {
		s.next = next
		return s
	})
	return s
}

// RoundTrip forwards a request, unless it is not answered: then its sender waits until it gives up.
func (s *silentProxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.silent.Load() || s.answers(s, r) {
		return s.next.RoundTrip(r)
	}
	if r.Method != http.MethodGet {
		s.mu.Lock()
		s.held = append(s.held, r.URL.Path)
		s.mu.Unlock()
	}
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// holds reports whether a write to a path with each of these ends was not answered.
func (s *silentProxy) holds(ends ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, end := range ends {
		if !slices.ContainsFunc(s.held, func(path string) bool { return strings.HasSuffix(path, end) }) {
			return false
		}
	}
	return true
}
