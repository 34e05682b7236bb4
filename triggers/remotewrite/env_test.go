package remotewrite

import (
	"context"
	"errors"
	"maps"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/value"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// server passes write requests to the triggers that listen.
type server struct {
	mu        sync.Mutex
	listeners map[int]func(triggers.Cause, []triggers.Series)
	next      int
}

func (s *server) ListenSamples(_, _ string, receive func(triggers.Cause, []triggers.Series)) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners == nil {
		s.listeners = map[int]func(triggers.Cause, []triggers.Series){}
	}
	id := s.next
	s.next++
	s.listeners[id] = receive
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, id)
	}
}

func (s *server) write(series ...triggers.Series) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, receive := range s.listeners {
		receive(triggers.Cause{At: time.Now()}, series)
	}
}

// env is a trigger that runs in a bubble of synctest, and the Prometheus that writes to it.
type env struct {
	*server

	t      *testing.T
	mu     sync.Mutex
	last   scalers.Event
	events int
}

// begin runs a trigger on the metric requests, with the given further metadata.
func begin(t *testing.T, metadata map[string]string) *env {
	t.Helper()
	return beginAs(t, scalers.AverageValue, metadata)
}

// beginAs is begin for a trigger with a metric type.
func beginAs(t *testing.T, metric scalers.Metric, metadata map[string]string) *env {
	t.Helper()
	all := map[string]string{"selector": `requests{job="a"}`, "threshold": "1"}
	maps.Copy(all, metadata)
	c, err := Kind().Decode(all)
	if err != nil {
		t.Fatal(err)
	}
	e := &env{server: &server{}, t: t}
	s, err := Kind().Open(c, triggers.Env{Samples: e.server, Now: time.Now, Metric: metric})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Run(ctx, func(event scalers.Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.last = event
			e.events++
		})
	}()
	synctest.Wait()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	return e
}

// pass lets time pass.
func (e *env) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// scrape writes a sample of the current time.
func (e *env) scrape(instance string, v float64, labels ...triggers.Label) {
	e.at(time.Now(), instance, v, labels...)
}

// at writes a sample.
func (e *env) at(at time.Time, instance string, v float64, labels ...triggers.Label) {
	e.write(seriesOf(instance, triggers.Sample{At: at, Value: v, Stale: value.IsStaleNaN(v)}, labels...))
	synctest.Wait()
}

// end writes a stale marker.
func (e *env) end(instance string, labels ...triggers.Label) {
	e.scrape(instance, math.Float64frombits(value.StaleNaN), labels...)
}

func seriesOf(instance string, s triggers.Sample, labels ...triggers.Label) triggers.Series {
	return triggers.Series{
		Labels: append([]triggers.Label{
			{Name: triggers.MetricName, Value: "requests"}, {Name: "instance", Value: instance}, {Name: "job", Value: "a"},
		}, labels...),
		Samples: []triggers.Sample{s},
	}
}

// level returns the last level as text.
func (e *env) level() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.last.AtLeast:
		return "at least " + e.last.Value.String()
	case e.last.Err != nil:
		return e.last.Err.Error()
	}
	return e.last.Value.String()
}

// expect fails the test unless the level is want.
func (e *env) expect(want string) {
	e.t.Helper()
	if got := e.level(); got != want {
		e.t.Errorf("the level is %q; want %q", got, want)
	}
}
