package scalers_test

import (
	"math/big"

	"github.com/impulse-sh/impulse/scalers"
)

// isStep reports whether a trigger is a step trigger.
func isStep(t *scalers.Trigger) bool { return t.Increment.Amount != 0 }

// hasLowerBound reports whether an unknown reading has a lower bound of the level (AtLeast).
func hasLowerBound(t *scalers.Trigger, e scalers.Event) bool {
	return e.Err != nil && e.AtLeast && e.Value >= 0 && !t.PerPod
}

// atLeast reports whether the lower bound of an unknown reading counts. It does if a known level with that value would count.
func (m *reference) atLeast(t *scalers.Trigger, e scalers.Event, now scalers.Instant) bool {
	limits := hasLowerBound(t, e)
	e.Err = nil
	return limits && m.known(t, e, now)
}

// proposal returns the count that trigger i asks for, or caps at, by its formula, before and after its tolerance; ok is false if
// there is none.
func (m *reference) proposal(i int, now scalers.Instant, e scalers.Event) (raw, n int64, ok bool) {
	t := &m.policy.Triggers[i]
	if t.Input || !m.known(t, e, now) && (t.Cap || !m.atLeast(t, e, now)) {
		return 0, 0, false
	}
	if !isStep(t) {
		raw, n = m.formula(t, e)
		n = bounded(t, n)
		return bounded(t, raw), n, !t.Cap || !t.Exact || n > 0
	}
	if e.Value < 1000 {
		return 0, 0, false
	}
	base := big.NewRat(m.bases[i], 1)
	each := big.NewRat(int64(t.Increment.Amount), 1)
	if t.Increment.Percent {
		each.Mul(each, big.NewRat(m.bases[i], 100))
	}
	all := base.Add(base, each.Mul(each, big.NewRat(int64(e.Value)/1000, 1)))
	n = bounded(t, ceil(all))
	return n, n, true
}

// chooseBases removes the bases of the step triggers that are known to be at zero, and adds those of triggers above it.
func (m *reference) chooseBases(now scalers.Instant, events []scalers.Event) {
	if m.bases == nil {
		m.bases = map[int]int64{}
	}
	base := max(m.others(now, events), int64(m.policy.Min), 1)
	for i, e := range events {
		t := &m.policy.Triggers[i]
		known := m.known(t, e, now)
		switch _, chosen := m.bases[i]; {
		case !isStep(t):
			delete(m.bases, i)
		case known && e.Value < 1000:
			delete(m.bases, i)
		case !chosen && e.Value >= 1000 && (known || !t.Cap && m.atLeast(t, e, now)):
			m.bases[i] = base
		}
	}
}

// others returns the highest proposal of the other triggers. A tolerance and the fallback currentReplicas are ignored, because they
// return the current count.
func (m *reference) others(now scalers.Instant, events []scalers.Event) int64 {
	var most int64
	for i, e := range events {
		t := &m.policy.Triggers[i]
		if t.Cap || t.Input || isStep(t) {
			continue
		}
		raw, n, ok := m.proposal(i, now, e)
		n = min(n, raw)
		if _, answers := m.fallback(i, now, 0, events); answers && m.policy.Fallback.Behavior != scalers.FallbackCurrentReplicas {
			n, ok = bounded(t, int64(m.policy.Fallback.Replicas)), true
		}
		if ok {
			most = max(most, n)
		}
	}
	return most
}

// firstStepAtZero returns the first step trigger that is known to be at zero, -1 for none, and whether one of these triggers is
// continuous.
func (m *reference) firstStepAtZero(now scalers.Instant, events []scalers.Event) (first int, continuous bool) {
	first = -1
	for i, e := range events {
		if t := &m.policy.Triggers[i]; isStep(t) && !t.Cap && m.known(t, e, now) && e.Value < 1000 {
			if first < 0 {
				first = i
			}
			continuous = continuous || t.Continuous
		}
	}
	return first, continuous
}
