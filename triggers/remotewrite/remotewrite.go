package remotewrite

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Kind describes the trigger type prometheus-remote-write.
func Kind() triggers.Kind {
	k := triggers.Define("prometheus-remote-write", "Samples that Prometheus writes to Impulse: each one counts when it arrives, without a query.", defaults(), open)
	k.Push, k.Receives = true, true
	k.Example = map[string]string{"selector": `http_requests_total{job="checkout"}`, "aggregation": "rate", "threshold": "100"}
	return k
}

// open returns the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	s, err := parseSelector(c.Selector)
	if err != nil {
		return nil, wrong("selector", err.Error(), "")
	}
	now := env.Now
	if now == nil {
		now = time.Now
	}
	return &source{env: env, now: now, selector: s, samples: newSamples(c)}, nil
}

// source is one trigger.
type source struct {
	env      triggers.Env
	now      func() time.Time
	selector selector

	mu      sync.Mutex
	samples *samples
	// emit is nil before Start and after the end.
	emit     func(scalers.Event)
	last     scalers.Event
	reported bool
	// due calls report when the level changes without a sample.
	due *workqueue.Item
}

// Run is Start until ctx is done.
func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	return triggers.RunPassive(ctx, s, emit)
}

// Start emits the level at the start, and whenever a sample or time changes it.
func (s *source) Start(emit func(scalers.Event)) (stop func(), err error) {
	if s.env.Samples == nil {
		return nil, errors.New("this process has no endpoints: it cannot receive samples")
	}
	s.begin(emit)
	unlisten := s.env.Samples.ListenSamples(s.env.Namespace, s.selector.name, s.receive)
	s.due.Wake() // The first event comes once the trigger listens.
	return func() {
		unlisten()
		s.due.Stop()
		s.end()
	}, nil
}

// begin allows emit.
func (s *source) begin(emit func(scalers.Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit, s.samples.since = emit, s.now()
	s.due = s.env.NewItem(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.report(triggers.Cause{At: s.now()})
	})
}

func (s *source) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit = nil
}

// receive applies a write request, and emits the level once.
func (s *source) receive(c triggers.Cause, written []triggers.Series) {
	defer s.env.Recover()
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for i := range written {
		if s.selector.selects(&written[i]) {
			s.samples.apply(&written[i], c.At)
			changed = true
		}
	}
	if changed {
		s.report(c)
	}
}

// report emits the level if it has changed, or with Value in any case, and sets the next deadline. The caller holds mu.
func (s *source) report(c triggers.Cause) {
	if s.emit == nil {
		return
	}
	e, next := s.samples.level(c.At)
	s.due.WakeAfter(next)
	e.Trigger, e.At, e.Trace = s.env.Trigger, scalers.InstantOf(c.At), c.Trace
	// With Value the count also depends on the ready pods of the target, so each new sample leads to a decision.
	if s.reported && same(&e, &s.last) && s.env.Metric != scalers.Value {
		return
	}
	s.reported, s.last = true, e
	s.emit(e)
}

// same reports whether two events have the same level.
func same(a, b *scalers.Event) bool {
	if (a.Err == nil) != (b.Err == nil) || a.Err != nil && a.Err.Error() != b.Err.Error() {
		return false
	}
	return a.Value == b.Value && a.AtLeast == b.AtLeast
}
