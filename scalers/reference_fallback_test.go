package scalers_test

import (
	"cmp"
	"errors"
	"math"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// run is a row of failed readings: how many were read, how many more count because the failure stands, and the instant of
// the reading; none after an absence.
type run struct {
	failures, elapsed int64
	at                scalers.Instant
}

// countFailures counts each failed reading once, and by time those of a continuous trigger, or of one that says nothing more
// for longer than it may.
func (w *twin) countFailures(now scalers.Instant, events []scalers.Event) {
	if w.runs == nil {
		w.runs = map[int]*run{}
	}
	for i, e := range events {
		t, r := &w.policy.Triggers[i], w.runs[i]
		switch failed := w.failed(t, e); {
		case e.At == 0:
		case w.policy.Fallback == nil || t.Cap || !failed && !says(t, e):
			delete(w.runs, i)
		case !failed && r != nil && r.at != 0:
			w.elapse(t, r, now)
			*r = run{failures: r.failures + r.elapsed}
		case failed && r == nil:
			w.runs[i] = &run{failures: 1, at: e.At}
			w.elapse(t, w.runs[i], now)
		case failed && r.at == 0:
			*r = run{failures: r.failures + 1, at: e.At}
			w.elapse(t, r, now)
		case failed:
			w.elapse(t, r, now)
			if silent := r.at.Add(time.Duration(r.elapsed) * w.policy.Fallback.Interval); !t.Continuous && e.At > silent {
				*r = run{failures: r.failures + r.elapsed + 1, at: e.At}
			}
		}
	}
}

// elapse counts for how many intervals a failure has stood by now.
func (w *twin) elapse(t *scalers.Trigger, r *run, now scalers.Instant) {
	stood, every := now.Sub(r.at), w.policy.Fallback.Interval
	if !t.Continuous {
		stood -= t.StaleAfter
	}
	if r.elapsed = 0; every > 0 && stood > 0 && (t.Continuous || t.StaleAfter > 0) {
		r.elapsed = int64(stood / every)
	}
}

func (w *twin) failed(t *scalers.Trigger, e scalers.Event) bool {
	if e.Err != nil || !t.PerPod {
		return e.Err != nil && !says(t, e) || e.Value < 0
	}
	return w.sort(t, e).broken
}

// overdue reports whether trigger i, or an input of a formula, has failed more often than the policy bears.
func (w *twin) overdue(i int, events []scalers.Event) bool {
	f := w.policy.Fallback
	if f == nil || events[i].At == 0 {
		return false
	}
	if w.policy.Triggers[i].Formula == nil {
		return w.runs[i] != nil && w.failed(&w.policy.Triggers[i], events[i]) && w.runs[i].failures+w.runs[i].elapsed > int64(f.FailureThreshold)
	}
	any, all := false, true
	for j := range i {
		if w.policy.Triggers[j].Input && w.runs[j] != nil {
			any = any || w.overdue(j, events)
		}
	}
	if f.Behavior == scalers.FallbackScalingModifiers {
		all = !errors.Is(events[i].Err, errBefore)
	}
	return any && all
}

// errBefore says that the formula was not asked.
var errBefore = errors.New("not asked")

// compose appends what the formula says, if there is one.
func (w *twin) compose(now scalers.Instant, events []scalers.Event) []scalers.Event {
	last := len(events)
	if last == len(w.policy.Triggers) {
		return events
	}
	out, asked := scalers.Event{}, true
	levels := make([]scalers.Level, last)
	for j, e := range events {
		t, f := &w.policy.Triggers[j], w.policy.Fallback
		if !t.Input {
			continue
		}
		if at := cmp.Compare(e.At, out.At); at > 0 || at == 0 && (e.Ready > out.Ready || e.Ready == out.Ready && e.Current > out.Current) {
			out.At, out.Ready, out.Current = e.At, e.Ready, e.Current
		}
		plain := *t
		plain.Metric = scalers.AverageValue
		known := w.known(&plain, e, now)
		levels[j] = scalers.Level{Known: known, Value: e.Value}
		switch {
		case known:
		case f == nil:
			asked = asked && e.At != 0
		default:
			asked = asked && f.Behavior == scalers.FallbackScalingModifiers && w.overdue(j, events)
		}
	}
	if out.Err = errBefore; asked {
		out.Value, out.Err = w.policy.Triggers[last].Formula(levels)
	}
	return append(events[:last:last], out)
}

// fallback returns what the fallback asks for in the place of trigger i, if it does.
func (w *twin) fallback(i int, now scalers.Instant, current int64, events []scalers.Event) (int64, bool) {
	t, f := &w.policy.Triggers[i], w.policy.Fallback
	if w.known(t, events[i], now) || t.Cap || !w.overdue(i, events) {
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

// fallBack takes the fallbacks into the maximum, and reports whether something is unknown all the same.
func (w *twin) fallBack(now scalers.Instant, start int64, events []scalers.Event, wanted *int64, continuous *bool, blind bool) bool {
	if blind {
		*wanted = -1
	}
	unanswered := false
	for i, e := range events {
		t := &w.policy.Triggers[i]
		if t.Input || w.known(t, e, now) {
			continue
		}
		n, speaks := w.fallback(i, now, start, events)
		if unanswered = unanswered || !speaks; !speaks {
			continue
		}
		if n = min(n, w.lowestCap(now, events)); n > *wanted {
			*wanted, *continuous = n, false
		}
		*continuous = *continuous || n == *wanted && t.Continuous
	}
	return unanswered
}

// lowestCap is the least that a trigger that only caps lets the others have.
func (w *twin) lowestCap(now scalers.Instant, events []scalers.Event) int64 {
	lowest := int64(math.MaxInt64)
	for i, e := range events {
		if _, n, caps := w.asks(i, now, e); caps && w.policy.Triggers[i].Cap {
			lowest = min(lowest, n)
		}
	}
	return lowest
}

// capAt lowers what is wanted to the lowest cap; the first with it wins.
func (w *twin) capAt(now scalers.Instant, events []scalers.Event, out *answer, wanted *int64, continuous *bool) {
	lowest := w.lowestCap(now, events)
	if out.winner < 0 || lowest >= *wanted {
		return
	}
	*wanted, *continuous, out.winner = lowest, false, -1
	for i, e := range events {
		t := &w.policy.Triggers[i]
		if raw, n, caps := w.asks(i, now, e); caps && t.Cap && n == lowest {
			if out.winner < 0 {
				out.winner, out.raw = i, raw
			}
			*continuous = *continuous || t.Continuous
		}
	}
}

// bounded is n within the trigger's own bounds.
func bounded(t *scalers.Trigger, n int64) int64 {
	if t.Max > 0 {
		n = min(n, int64(t.Max))
	}
	return max(n, int64(t.Min))
}

// tells reports whether a trigger says whether there is work.
func tells(t *scalers.Trigger) bool { return !t.PerPod && !t.Cap && !t.Input }
