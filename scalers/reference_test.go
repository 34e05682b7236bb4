package scalers_test

import (
	"errors"
	"math"
	"math/big"
	"slices"

	"github.com/impulse-sh/impulse/scalers"
)

// reference is a reference model of Decide. It follows the specification in the plainest way: it remembers everything, prunes
// nothing, and divides with fractions of any size. It has no steps and no Next.
type reference struct {
	policy *scalers.Policy
	// recommended are all recommendations, oldest first. The last may still last.
	recommended      []recommendation
	writes           []scalers.Change
	lastActive       scalers.Instant
	everActive       bool
	continuousActive bool
	seen             bool
	readings         []scalers.Event
	last             answer
	// activityUnknown is true while a trigger that signals activity is unknown.
	activityUnknown bool
	// failing are the failures of triggers.
	failing map[int]*failures
	// bases are the counts that step triggers add to.
	bases map[int]int64
}

// recommendation is a count and the end of the time for which it was recommended.
type recommendation struct {
	end   scalers.Instant
	lasts bool
	n     int64
}

// answer is a decision as far as the reference model makes it.
type answer struct {
	replicas      int64
	known, active bool
	winner        int
	raw           int64
}

// onDecision decides on the same input.
func (m *reference) onDecision(l *timeline) { m.last = m.decide(l.now, l.current, l.events) }

// onWrite records a write that succeeded.
func (m *reference) onWrite(at scalers.Instant, from, to int32) {
	if from != to {
		m.writes = append(m.writes, scalers.Change{At: at, By: to - from})
	}
}

// onRestart makes the last recommendation last, and what was active be active until now.
func (m *reference) onRestart(now scalers.Instant) {
	if m.last.active {
		m.lastActive = now
	}
	if n := len(m.recommended); n > 0 {
		m.recommended[n-1].lasts = true
	}
	for _, r := range m.failing {
		r.read, r.silent, r.at = r.read+r.silent, 0, 0
	}
}

// same reports whether two readings are the same one.
func same(a, b scalers.Event) bool {
	return a.At == b.At && a.Value == b.Value && a.Ready == b.Ready && a.Current == b.Current && errors.Is(a.Err, b.Err) &&
		a.AtLeast == b.AtLeast && a.Suspended == b.Suspended && a.Activity == b.Activity && a.PerPod == b.PerPod && slices.Equal(a.Pods, b.Pods)
}

func (m *reference) decide(now scalers.Instant, count int32, events []scalers.Event) answer {
	p, current := m.policy, int64(count)
	arrived := !slices.EqualFunc(events, m.readings, same)
	m.readings = slices.Clone(events)
	m.countFailures(now, events)
	events = m.evaluateFormula(now, events)
	out, wanted, continuous := m.propose(now, current, events)
	m.applyCap(now, events, &out, &wanted, &continuous)
	m.recordActivity(now, current, events, out.active)

	// The count to start from: within the limits, idle, or on its way there.
	minimum := int64(p.Min)
	if p.Idle != scalers.NoIdle {
		minimum = max(minimum, 1)
	}
	start, idle := current, p.Idle != scalers.NoIdle && current <= int64(p.Idle)
	switch {
	case idle && out.active:
		start, idle = minimum, false
	case current > int64(p.Max):
		start = int64(p.Max)
	case current < minimum && !idle && !m.mayBecomeIdle(now, out):
		start = minimum
	}

	// An unknown level keeps the count. Otherwise windows and rates apply.
	unanswered := m.applyFallback(now, start, events, &wanted, &continuous, out.winner < 0)
	kept := unanswered && (wanted < 0 || wanted < start)
	m.record(now, current, wanted, kept, arrived, !unanswered, continuous)
	n := start
	if !kept {
		n = m.limitRate(now, start, m.stabilize(now, start, wanted))
	}

	// The idle count, the limits and the pause.
	lowest := minimum
	switch {
	case idle:
		n, lowest = int64(p.Idle), int64(p.Idle)
	case m.mayBecomeIdle(now, out):
		n, lowest = max(m.limitRate(now, start, 0), int64(p.Idle)), int64(p.Idle)
	}
	out.replicas = m.paused(now, current, min(max(n, lowest), int64(p.Max)))
	return out
}

// propose evaluates formula and tolerance of each trigger. The maximum wins, the first of equals.
func (m *reference) propose(now scalers.Instant, current int64, events []scalers.Event) (out answer, wanted int64, continuous bool) {
	out, m.activityUnknown = answer{known: true, winner: -1, active: m.alwaysActive()}, false
	for i, e := range events {
		t := &m.policy.Triggers[i]
		if t.Input {
			continue
		}
		known := m.known(t, e, now)
		out.known = out.known && known
		out.active = out.active || m.active(i, now, current, events)
		if _, answers := m.fallback(i, now, current, events); !known && !answers {
			m.activityUnknown = m.activityUnknown || signalsActivity(t)
		}
	}
	m.chooseBases(now, events)
	for i, e := range events {
		t := &m.policy.Triggers[i]
		if raw, n, asks := m.proposal(i, now, e); asks && !t.Cap && (out.winner < 0 || n > wanted) {
			out.winner, out.raw, wanted = i, raw, n
		}
	}
	if out.winner < 0 {
		out.winner, continuous = m.firstStepAtZero(now, events)
		return out, 0, continuous
	}
	for i, e := range events {
		t := &m.policy.Triggers[i]
		_, n, asks := m.proposal(i, now, e)
		continuous = continuous || asks && !t.Cap && n == wanted && t.Continuous
	}
	return out, wanted, continuous
}

// active reports whether trigger i, or the fallback in its place, signals work.
func (m *reference) active(i int, now scalers.Instant, current int64, events []scalers.Event) bool {
	t := &m.policy.Triggers[i]
	if m.known(t, events[i], now) || m.atLeast(t, events[i], now) {
		if !signalsActivity(t) || isStep(t) && events[i].Value < 1000 || events[i].Activity == scalers.InactiveBySource {
			return false
		}
		running := m.policy.Idle == scalers.NoIdle || events[i].Current > m.policy.Idle
		return events[i].Activity == scalers.ActiveBySource || events[i].Value > t.Activation && (!events[i].Suspended || running)
	}
	n, answers := m.fallback(i, now, current, events)
	return signalsActivity(t) && answers && n > max(int64(m.policy.Idle), 0)
}

func (m *reference) known(t *scalers.Trigger, e scalers.Event, now scalers.Instant) bool {
	if e.At == 0 || e.Err != nil || e.Value < 0 {
		return false
	}
	if !t.Continuous && t.StaleAfter > 0 && now.Sub(e.At) > t.StaleAfter {
		return false
	}
	if t.PerPod {
		_, _, known := m.overPods(t, e)
		return known
	}
	return t.Metric != scalers.Value || t.Exact || e.Current == 0 || e.Ready > 0
}

// formula returns the number of replicas, and what tolerance leaves of it.
func (m *reference) formula(t *scalers.Trigger, e scalers.Event) (raw, n int64) {
	if t.PerPod {
		raw, n, _ = m.overPods(t, e)
		return raw, n
	}
	ratio := big.NewRat(int64(e.Value), int64(t.Target))
	if t.Exact || e.Current == 0 {
		raw = ceil(ratio)
		return raw, raw
	}
	current := int64(e.Current)
	if t.Metric == scalers.Value {
		raw = ceil(new(big.Rat).Mul(ratio, big.NewRat(int64(e.Ready), 1)))
	} else {
		raw = ceil(ratio)
		ratio.Quo(ratio, big.NewRat(current, 1))
	}
	return raw, m.tolerate(ratio, current, raw)
}

// tolerate returns raw after the tolerance: the current count if the ratio is within the tolerance.
func (m *reference) tolerate(ratio *big.Rat, current, raw int64) int64 {
	low, high := big.NewRat(1_000_000-m.policy.Down.Tolerance, 1_000_000), big.NewRat(1_000_000+m.policy.Up.Tolerance, 1_000_000)
	switch side := ratio.Cmp(big.NewRat(1, 1)); {
	case ratio.Cmp(low) >= 0 && ratio.Cmp(high) <= 0:
		return current
	case side > 0:
		return max(raw, current)
	default:
		return min(raw, current)
	}
}

func ceil(r *big.Rat) int64 {
	quo, rem := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	if rem.Sign() > 0 {
		quo.Add(quo, big.NewInt(1))
	}
	if !quo.IsInt64() || quo.Int64() > math.MaxInt32 {
		return math.MaxInt32
	}
	return quo.Int64()
}

// record records a recommendation when a reading arrived, and the current count in the first decision. A count that is kept
// because of an unknown level is none: the last recommendation lasts until the next.
func (m *reference) record(now scalers.Instant, current, wanted int64, kept, arrived, known, continuous bool) {
	if !m.seen {
		m.seen = true
		m.recommended = append(m.recommended, recommendation{end: now, n: current})
	}
	last := &m.recommended[len(m.recommended)-1]
	switch {
	case kept:
		last.lasts = true
	case arrived, known && last.lasts && last.n != wanted:
		if last.lasts {
			last.end, last.lasts = now, false
		}
		m.recommended = append(m.recommended, recommendation{end: now, lasts: continuous, n: wanted})
	}
}

func (m *reference) recordActivity(now scalers.Instant, current int64, events []scalers.Event, active bool) {
	continuous := m.alwaysActive()
	m.everActive = m.everActive || continuous
	for i, e := range events {
		t := &m.policy.Triggers[i]
		if !active || !m.active(i, now, current, events) {
			continue
		}
		m.everActive = true
		if t.Continuous {
			continuous = true
		} else {
			m.lastActive = max(m.lastActive, e.At)
		}
	}
	if continuous || m.continuousActive {
		m.lastActive = now
	}
	m.continuousActive = continuous
}

// alwaysActive reports whether the workload is active without an active trigger.
func (m *reference) alwaysActive() bool {
	return m.policy.ForceActivation || !slices.ContainsFunc(m.policy.Triggers, func(t scalers.Trigger) bool { return signalsActivity(&t) })
}

// stabilize returns clamp(current, lowest in the up window, highest in the down window), each with the newest included.
func (m *reference) stabilize(now scalers.Instant, start, wanted int64) int64 {
	low, high := wanted, wanted
	for _, r := range m.recommended {
		if r.lasts || now.Sub(r.end) < m.policy.Up.Window {
			low = min(low, r.n)
		}
		if r.lasts || now.Sub(r.end) < m.policy.Down.Window {
			high = max(high, r.n)
		}
	}
	return min(max(start, low), high)
}

// limitRate returns wanted within the rate policies of its direction.
func (m *reference) limitRate(now scalers.Instant, start, wanted int64) int64 {
	b, sign := &m.policy.Up, int64(1)
	if wanted == start {
		return start
	}
	if wanted < start {
		b, sign = &m.policy.Down, -1
	}
	if b.Select == scalers.Disabled {
		return start
	}
	var bounds []int64
	for _, r := range b.Policies {
		then := start
		for _, e := range m.writes {
			if now.Sub(e.At) < r.Period {
				then -= int64(e.By)
			}
		}
		bound := then + sign*int64(r.Amount)
		if r.Percent {
			share := big.NewRat(then*(100+sign*int64(r.Amount)), 100)
			if bound = -ceil(share.Neg(share)); sign > 0 {
				bound = ceil(share.Neg(share))
			}
		}
		bounds = append(bounds, bound)
	}
	if len(bounds) == 0 {
		return wanted
	}
	// The largest change is the highest bound up and the lowest down.
	if bound := slices.Max(bounds); (sign > 0) == (b.Select == scalers.Max) {
		return between(start, wanted, bound)
	}
	return between(start, wanted, slices.Min(bounds))
}

// between returns wanted, but not past bound, and never back past start.
func between(start, wanted, bound int64) int64 {
	if wanted > start {
		return min(wanted, max(bound, start))
	}
	return max(wanted, min(bound, start))
}

// mayBecomeIdle reports whether it is certain that no trigger is active, and has been for long enough.
func (m *reference) mayBecomeIdle(now scalers.Instant, a answer) bool {
	if m.policy.Idle == scalers.NoIdle || a.active || m.activityUnknown {
		return false
	}
	if !m.everActive {
		return now.Sub(m.policy.Created) >= m.policy.InitialCooldown
	}
	return now.Sub(m.lastActive) >= m.policy.Cooldown
}

func (m *reference) paused(now scalers.Instant, current, n int64) int64 {
	paused := m.policy.Paused
	if ends := paused.Until != 0; ends && now >= paused.Until {
		return n
	}
	switch {
	case paused.Fixed:
		return int64(paused.At)
	case paused.All, paused.In && n < current, paused.Out && n > current:
		return current
	default:
		return n
	}
}
