package scalers_test

import (
	"cmp"
	"errors"
	"math"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// failures are the consecutive failed readings of a trigger: the number that was read, the number that counts because of the
// silence since, and the instant of the last one; zero after a restart.
type failures struct {
	read, silent int64
	at           scalers.Instant
}

// countFailures counts each failed reading once. It counts by time for a continuous trigger, and for a sampled one without
// readings for longer than StaleAfter.
func (m *reference) countFailures(now scalers.Instant, events []scalers.Event) {
	if m.failing == nil {
		m.failing = map[int]*failures{}
	}
	for i, e := range events {
		t, r := &m.policy.Triggers[i], m.failing[i]
		switch failed := m.failed(t, e); {
		case e.At == 0:
		case m.policy.Fallback == nil || t.Cap || !failed && !hasLowerBound(t, e):
			delete(m.failing, i)
		case !failed && r != nil && r.at != 0:
			m.countSilence(t, r, now)
			*r = failures{read: r.read + r.silent}
		case failed && r == nil:
			m.failing[i] = &failures{read: 1, at: e.At}
			m.countSilence(t, m.failing[i], now)
		case failed && r.at == 0:
			*r = failures{read: r.read + 1, at: e.At}
			m.countSilence(t, r, now)
		case failed:
			m.countSilence(t, r, now)
			if counted := r.at.Add(time.Duration(r.silent) * m.policy.Fallback.Interval); !t.Continuous && e.At > counted {
				*r = failures{read: r.read + r.silent + 1, at: e.At}
			}
		}
	}
}

// countSilence counts the full intervals for which a failure has been the last reading.
func (m *reference) countSilence(t *scalers.Trigger, r *failures, now scalers.Instant) {
	silence, every := now.Sub(r.at), m.policy.Fallback.Interval
	if !t.Continuous {
		silence -= t.StaleAfter
	}
	if r.silent = 0; every > 0 && silence > 0 && (t.Continuous || t.StaleAfter > 0) {
		r.silent = int64(silence / every)
	}
}

func (m *reference) failed(t *scalers.Trigger, e scalers.Event) bool {
	if e.Err != nil || !t.PerPod {
		return e.Err != nil && !hasLowerBound(t, e) || e.Value < 0
	}
	return m.classify(t, e).broken
}

// overdue reports whether trigger i, or an input of its formula, has failed more often than the fallback tolerates.
func (m *reference) overdue(i int, events []scalers.Event) bool {
	f := m.policy.Fallback
	if f == nil || events[i].At == 0 {
		return false
	}
	if m.policy.Triggers[i].Formula == nil {
		return m.failing[i] != nil && m.failed(&m.policy.Triggers[i], events[i]) && m.failing[i].read+m.failing[i].silent > int64(f.FailureThreshold)
	}
	any, all := false, true
	for j := range i {
		if m.policy.Triggers[j].Input && m.failing[j] != nil {
			any = any || m.overdue(j, events)
		}
	}
	if f.Behavior == scalers.FallbackScalingModifiers {
		all = !errors.Is(events[i].Err, errNotEvaluated)
	}
	return any && all
}

// errNotEvaluated is the error of a formula that is not evaluated.
var errNotEvaluated = errors.New("not evaluated")

// evaluateFormula appends the event of the composite trigger, if there is one.
func (m *reference) evaluateFormula(now scalers.Instant, events []scalers.Event) []scalers.Event {
	last := len(events)
	if last == len(m.policy.Triggers) {
		return events
	}
	out, evaluated := scalers.Event{}, true
	levels := make([]scalers.Level, last)
	for j, e := range events {
		t, f := &m.policy.Triggers[j], m.policy.Fallback
		if !t.Input {
			continue
		}
		if at := cmp.Compare(e.At, out.At); at > 0 || at == 0 && (e.Ready > out.Ready || e.Ready == out.Ready && e.Current > out.Current) {
			out.At, out.Ready, out.Current = e.At, e.Ready, e.Current
		}
		plain := *t
		plain.Metric = scalers.AverageValue
		known := m.known(&plain, e, now)
		levels[j] = scalers.Level{Known: known, Value: e.Value}
		switch {
		case known:
		case f == nil:
			evaluated = evaluated && e.At != 0
		default:
			evaluated = evaluated && f.Behavior == scalers.FallbackScalingModifiers && m.overdue(j, events)
		}
	}
	if out.Err = errNotEvaluated; evaluated {
		out.Value, out.Err = m.policy.Triggers[last].Formula(levels)
	}
	return append(events[:last:last], out)
}

// fallback returns the count of the fallback in the place of trigger i, and whether it applies.
func (m *reference) fallback(i int, now scalers.Instant, current int64, events []scalers.Event) (int64, bool) {
	t, f := &m.policy.Triggers[i], m.policy.Fallback
	if m.known(t, events[i], now) || t.Cap || !m.overdue(i, events) {
		return 0, false
	}
	n := int64(f.Replicas)
	switch f.Behavior {
	case scalers.FallbackCurrentReplicas:
		n = current
	case scalers.FallbackCurrentReplicasIfHigher:
		n = max(n, current)
	case scalers.FallbackCurrentReplicasIfLower:
		n = min(n, current)
	case scalers.FallbackStatic, scalers.FallbackScalingModifiers:
	}
	return bounded(t, n), true
}

// applyFallback adds the counts of the fallback to the maximum, and reports whether an unknown trigger remains without one.
func (m *reference) applyFallback(now scalers.Instant, start int64, events []scalers.Event, wanted *int64, continuous *bool, allUnknown bool) bool {
	if allUnknown {
		*wanted = -1
	}
	unanswered := false
	for i, e := range events {
		t := &m.policy.Triggers[i]
		if t.Input || m.known(t, e, now) {
			continue
		}
		n, answers := m.fallback(i, now, start, events)
		if unanswered = unanswered || !answers; !answers {
			continue
		}
		if n = min(n, m.cap(now, events)); n > *wanted {
			*wanted, *continuous = n, false
		}
		*continuous = *continuous || n == *wanted && t.Continuous
	}
	return unanswered
}

// cap returns the lowest count of the triggers with Cap.
func (m *reference) cap(now scalers.Instant, events []scalers.Event) int64 {
	lowest := int64(math.MaxInt64)
	for i, e := range events {
		if _, n, caps := m.proposal(i, now, e); caps && m.policy.Triggers[i].Cap {
			lowest = min(lowest, n)
		}
	}
	return lowest
}

// applyCap lowers what is wanted to the cap. The first trigger with that cap wins.
func (m *reference) applyCap(now scalers.Instant, events []scalers.Event, out *answer, wanted *int64, continuous *bool) {
	lowest := m.cap(now, events)
	if out.winner < 0 || lowest >= *wanted {
		return
	}
	*wanted, *continuous, out.winner = lowest, false, -1
	for i, e := range events {
		t := &m.policy.Triggers[i]
		if raw, n, caps := m.proposal(i, now, e); caps && t.Cap && n == lowest {
			if out.winner < 0 {
				out.winner, out.raw = i, raw
			}
			*continuous = *continuous || t.Continuous
		}
	}
}

// bounded returns n within the trigger's own bounds.
func bounded(t *scalers.Trigger, n int64) int64 {
	if t.Max > 0 {
		n = min(n, int64(t.Max))
	}
	return max(n, int64(t.Min))
}

// signalsActivity reports whether a trigger signals if there is work.
func signalsActivity(t *scalers.Trigger) bool { return !t.PerPod && !t.Cap && !t.Input }
