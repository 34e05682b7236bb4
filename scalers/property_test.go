package scalers_test

import (
	"flag"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestProperty(t *testing.T) {
	t.Parallel()
	t.Run("the core decides what the reference model decides", testCoreDecidesWhatReferenceModelDecides)
	t.Run("the decision is the same until Next", testDecisionIsSameUntilNext)
	t.Run("decisions are within the limits", testDecisionsAreWithinLimits)
	t.Run("unknown never lowers the count", testUnknownNeverLowersCount)
	t.Run("the order of triggers is irrelevant", testOrderOfTriggersIsIrrelevant)
	t.Run("a higher level never lowers the count", testHigherLevelNeverLowersCount)
	t.Run("memory survives its text at any point", testMemorySurvivesItsTextAtAnyPoint)
}

var (
	// A timeline has 14 decisions, each of which is a case. By default every property checks more than 10^5.
	timelines = flag.Uint64("timelines", 30_000, "how many random timelines the reference model decides; the other properties check a quarter of them")
	firstSeed = flag.Uint64("timeline", 0, "the first timeline")
)

// timelineLength is the number of decisions in one timeline.
const timelineLength = 14

// eachTimeline plays one in share of all timelines, and calls check after each decision.
func eachTimeline(t *testing.T, share uint64, check func(t *testing.T, l *timeline)) {
	t.Helper()
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+max(*timelines/share, 1); seed++ {
		l := newTimeline(seed, nil)
		for range timelineLength {
			l.play()
			check(t, l)
		}
	}
}

func testCoreDecidesWhatReferenceModelDecides(t *testing.T) {
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+*timelines; seed++ {
		l := newTimeline(seed, nil)
		m := &reference{policy: l.policy}
		l.followers = []follower{m}
		for range timelineLength {
			l.play()
			d := &l.last
			got := answer{replicas: int64(d.Replicas), known: d.Known, active: d.Active, winner: d.Winner, raw: int64(d.Raw)}
			if got != m.last {
				l.fail(t, "got %+v, want the reference model's %+v", got, m.last)
			}
		}
	}
}

func testDecisionIsSameUntilNext(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		if l.last.Next <= l.now {
			l.fail(t, "got Next %s, want an instant after now", l.last.Next.Sub(epoch))
		}
		until := min(l.last.Next-1, l.now.Add(3*60e9))
		between := l.now + 1 + scalers.Instant(l.dice.Int64N(int64(until-l.now)+1))
		for _, at := range []scalers.Instant{min(between, until), until} {
			if at <= l.now {
				continue
			}
			if d := l.decideAt(at, l.current, l.memory.Clone()); d.Replicas != l.last.Replicas {
				l.fail(t, "at %s, before Next and with nothing written: got %d, want %d", at.Sub(epoch), d.Replicas, l.last.Replicas)
			}
			written := l.memory.Clone().Scaled(l.policy, l.now, l.current, l.last.Replicas)
			if d := l.decideAt(at, l.last.Replicas, written); d.Replicas != l.last.Replicas {
				l.fail(t, "at %s, before Next and with the answer written: got %d, want %d", at.Sub(epoch), d.Replicas, l.last.Replicas)
			}
		}
	})
}

func testDecisionsAreWithinLimits(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		p := l.policy
		if p.Paused.Effective(l.now) != (scalers.Paused{}) {
			return
		}
		lowest := p.Min
		if p.Idle >= 0 {
			lowest = p.Idle
		}
		if n := l.last.Replicas; n < lowest || n > p.Max || n < p.Min && l.last.Active {
			l.fail(t, "got %d replicas, want %d to %d", n, lowest, p.Max)
		}
	})
}

func testUnknownNeverLowersCount(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		n := l.last.Replicas
		if l.last.Known || l.policy.Paused.Effective(l.now).Fixed || n >= min(l.current, l.policy.Max) {
			return
		}
		if !becomesIdle(&l.last) && !fallbackApplies(l.policy, &l.last) {
			l.fail(t, "while a trigger is unknown: got %d replicas, want at least the current %d", n, l.current)
		}
		for i, q := range l.last.Proposals() {
			if !q.Known && !q.Fallback && signalsActivity(&l.policy.Triggers[i]) {
				l.fail(t, "got the workload idle, want it running while %s may be active", l.policy.Triggers[i].Name)
			}
		}
	})
}

// fallbackApplies reports whether the fallback replaces every unknown trigger. It may then lower the count.
func fallbackApplies(p *scalers.Policy, d *scalers.Decision) bool {
	for i, q := range d.Proposals() {
		if !q.Known && !q.Fallback && !p.Triggers[i].Input {
			return false
		}
	}
	return true
}

// becomesIdle reports whether a workload is idle, or on its way to the idle count. Both take precedence over an unknown level.
func becomesIdle(d *scalers.Decision) bool {
	return slices.ContainsFunc(d.Steps(), func(s scalers.Step) bool {
		return s.Rule == scalers.RuleIdle || s.Rule == scalers.RuleCooldown && s.Until == scalers.Never
	})
}

func testOrderOfTriggersIsIrrelevant(t *testing.T) {
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+*timelines/4; seed++ {
		l := newTimeline(seed, nil)
		m := &reversed{policy: l.policy}
		l.followers = []follower{m}
		for range timelineLength {
			l.play()
			if a, b := &l.last, &m.last; a.Replicas != b.Replicas || a.Next != b.Next || a.Active != b.Active || a.Known != b.Known {
				l.fail(t, "with the triggers in reverse: got %d until %s, want %d until %s", b.Replicas, b.Next.Sub(epoch), a.Replicas, a.Next.Sub(epoch))
			}
		}
	}
}

// reversed decides with the triggers in reverse.
type reversed struct {
	policy *scalers.Policy
	memory scalers.Memory
	last   scalers.Decision
}

func (m *reversed) onWrite(at scalers.Instant, from, to int32) {
	m.memory = m.memory.Scaled(m.policy, at, from, to)
}

func (m *reversed) onRestart(now scalers.Instant) { m.memory = m.memory.Resume(now) }

func (m *reversed) onDecision(l *timeline) {
	p, events := *m.policy, slices.Clone(l.events)
	p.Triggers = slices.Clone(p.Triggers)
	slices.Reverse(p.Triggers[:len(events)])
	slices.Reverse(events)
	m.last = scalers.Decide(&p, scalers.Input{Now: l.now, Current: l.current, Events: events, Memory: m.memory})
	m.memory = m.last.Memory
}

func testHigherLevelNeverLowersCount(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		i := l.dice.IntN(len(l.events))
		e := &l.events[i]
		if !l.last.Proposals()[i].Known {
			return
		}
		at, was := l.now.Add(time.Duration(l.dice.IntN(2)*5e9)), *e
		e.At = at
		less := l.decideAt(at, l.current, l.memory.Clone())
		known := less.Proposals()[i].Known && less.Known
		if t := &l.policy.Triggers[i]; t.Cap && t.Exact && !isStep(t) && less.Proposals()[i].Replicas == 0 {
			known = false // A schedule or an alert that is off caps nothing; on, it may lower.
		}
		more := scalers.Milli(l.dice.IntN(5000))
		if e.Value += more; e.PerPod {
			e.Pods = slices.Clone(e.Pods)
			e.Pods[l.dice.IntN(len(e.Pods))].Usage += more
		}
		if more := l.decideAt(at, l.current, l.memory.Clone()); known && more.Replicas < less.Replicas {
			l.fail(t, "with %s raised to %s %v: got %d replicas, want at least %d", e.Trigger, e.Value, e.Pods, more.Replicas, less.Replicas)
		}
		*e = was
	})
}

func testMemorySurvivesItsTextAtAnyPoint(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		text, err := l.memory.MarshalText()
		if err != nil {
			l.fail(t, "MarshalText: got %v, want no error", err)
		}
		var back scalers.Memory
		if err := back.UnmarshalText(text); err != nil {
			l.fail(t, "UnmarshalText: got %v, want no error", err)
		}
		if !reflect.DeepEqual(withoutEmptyLists(back), withoutEmptyLists(l.memory)) {
			l.fail(t, "UnmarshalText: got %+v, want %+v", back, l.memory)
		}
		l.memory = back
	})
}

// withoutEmptyLists returns a memory with nil in the place of each empty list.
func withoutEmptyLists(m scalers.Memory) scalers.Memory {
	m.Highs, m.Lows = slices.Clip(append([]scalers.Record(nil), m.Highs...)), slices.Clip(append([]scalers.Record(nil), m.Lows...))
	m.Changes = slices.Clip(append([]scalers.Change(nil), m.Changes...))
	m.Failures = slices.Clip(append([]scalers.Failure(nil), m.Failures...))
	m.Bases = slices.Clip(append([]scalers.Base(nil), m.Bases...))
	return m
}
