package scalers_test

import (
	"math/big"

	"github.com/impulse-sh/impulse/scalers"
)

// steps reports whether a trigger adds to what the others ask for.
func steps(t *scalers.Trigger) bool { return t.Increment.Amount != 0 }

// says reports whether a reading of which the level is not known says what it is at least.
func says(t *scalers.Trigger, e scalers.Event) bool {
	return e.Err != nil && e.AtLeast && e.Value >= 0 && !t.PerPod
}

// atLeast reports whether it is to be believed: a known level that is the same would be.
func (w *twin) atLeast(t *scalers.Trigger, e scalers.Event, now scalers.Instant) bool {
	believed := says(t, e)
	e.Err = nil
	return believed && w.known(t, e, now)
}

// asks returns what trigger i asks for, or caps at, by its formula and after its tolerance, if anything.
func (w *twin) asks(i int, now scalers.Instant, e scalers.Event) (raw, n int64, asks bool) {
	t := &w.policy.Triggers[i]
	if t.Input || !w.known(t, e, now) && (t.Cap || !w.atLeast(t, e, now)) {
		return 0, 0, false
	}
	if !steps(t) {
		raw, n = w.formula(t, e)
		n = bounded(t, n)
		return bounded(t, raw), n, !t.Cap || !t.Exact || n > 0
	}
	if e.Value < 1000 {
		return 0, 0, false
	}
	base := big.NewRat(w.bases[i], 1)
	each := big.NewRat(int64(t.Increment.Amount), 1)
	if t.Increment.Percent {
		each.Mul(each, big.NewRat(w.bases[i], 100))
	}
	all := base.Add(base, each.Mul(each, big.NewRat(int64(e.Value)/1000, 1)))
	n = bounded(t, ceil(all))
	return n, n, true
}

// takeBases forgets the bases of the step triggers that are known to be at zero, and gives one to those that have left it.
func (w *twin) takeBases(now scalers.Instant, events []scalers.Event) {
	if w.bases == nil {
		w.bases = map[int]int64{}
	}
	base := max(w.others(now, events), int64(w.policy.Min), 1)
	for i, e := range events {
		t := &w.policy.Triggers[i]
		known := w.known(t, e, now)
		switch _, taken := w.bases[i]; {
		case !steps(t):
			delete(w.bases, i)
		case known && e.Value < 1000:
			delete(w.bases, i)
		case !taken && e.Value >= 1000 && (known || !t.Cap && w.atLeast(t, e, now)):
			w.bases[i] = base
		}
	}
}

// others is the most that all but the step triggers ask for, without what tolerance or the fallback have of the current count.
func (w *twin) others(now scalers.Instant, events []scalers.Event) int64 {
	var most int64
	for i, e := range events {
		t := &w.policy.Triggers[i]
		if t.Cap || t.Input || steps(t) {
			continue
		}
		raw, n, asks := w.asks(i, now, e)
		n = min(n, raw)
		if _, speaks := w.fallback(i, now, 0, events); speaks && w.policy.Fallback.Behavior != scalers.FallbackCurrentReplicas {
			n, asks = bounded(t, int64(w.policy.Fallback.Replicas)), true
		}
		if asks {
			most = max(most, n)
		}
	}
	return most
}

// quiet is the first step trigger that is known to be at zero; -1 for none.
func (w *twin) quiet(now scalers.Instant, events []scalers.Event) (first int, continuous bool) {
	first = -1
	for i, e := range events {
		if t := &w.policy.Triggers[i]; steps(t) && !t.Cap && w.known(t, e, now) && e.Value < 1000 {
			if first < 0 {
				first = i
			}
			continuous = continuous || t.Continuous
		}
	}
	return first, continuous
}
