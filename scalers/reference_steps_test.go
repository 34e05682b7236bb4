package scalers_test

import (
	"math/big"

	"github.com/impulse-sh/impulse/scalers"
)

// steps reports whether a trigger is a step trigger.
func steps(t *scalers.Trigger) bool { return t.Increment.Amount != 0 }

// limitsBelow reports whether a reading without a level gives the least value of it.
func limitsBelow(t *scalers.Trigger, e scalers.Event) bool {
	return e.Err != nil && e.AtLeast && e.Value >= 0 && !t.PerPod
}

// atLeast reports whether that value counts: a known level of that value would.
func (m *reference) atLeast(t *scalers.Trigger, e scalers.Event, now scalers.Instant) bool {
	limits := limitsBelow(t, e)
	e.Err = nil
	return limits && m.known(t, e, now)
}

// demand returns what trigger i asks for, or caps at, by its formula and after its tolerance, if anything.
func (m *reference) demand(i int, now scalers.Instant, e scalers.Event) (raw, n int64, ok bool) {
	t := &m.policy.Triggers[i]
	if t.Input || !m.known(t, e, now) && (t.Cap || !m.atLeast(t, e, now)) {
		return 0, 0, false
	}
	if !steps(t) {
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
		case !steps(t):
			delete(m.bases, i)
		case known && e.Value < 1000:
			delete(m.bases, i)
		case !chosen && e.Value >= 1000 && (known || !t.Cap && m.atLeast(t, e, now)):
			m.bases[i] = base
		}
	}
}

// others returns the most that the other triggers ask for, without what tolerance or the fallback take from the current count.
func (m *reference) others(now scalers.Instant, events []scalers.Event) int64 {
	var most int64
	for i, e := range events {
		t := &m.policy.Triggers[i]
		if t.Cap || t.Input || steps(t) {
			continue
		}
		raw, n, ok := m.demand(i, now, e)
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

// addsNothing returns the first step trigger that is known to be at zero; -1 for none.
func (m *reference) addsNothing(now scalers.Instant, events []scalers.Event) (first int, continuous bool) {
	first = -1
	for i, e := range events {
		if t := &m.policy.Triggers[i]; steps(t) && !t.Cap && m.known(t, e, now) && e.Value < 1000 {
			if first < 0 {
				first = i
			}
			continuous = continuous || t.Continuous
		}
	}
	return first, continuous
}
