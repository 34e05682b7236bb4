package scalers_test

import (
	"flag"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

var (
	// A timeline has 14 decisions, and each is a case: by default every property sees more than 10^5.
	timelines = flag.Uint64("timelines", 30_000, "how many random timelines the twin is asked about; the other properties see a quarter")
	firstSeed = flag.Uint64("timeline", 0, "the first timeline")
)

// storyLength is how much happens in one timeline.
const storyLength = 14

// each plays one in share of all timelines, and calls check after each decision.
func each(t *testing.T, share uint64, check func(t *testing.T, l *timeline)) {
	t.Helper()
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+max(*timelines/share, 1); seed++ {
		l := newTimeline(seed, nil)
		for range storyLength {
			l.play()
			check(t, l)
		}
	}
}

func TestDecidesWhatItsTwinDecides(t *testing.T) {
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+*timelines; seed++ {
		l := newTimeline(seed, nil)
		w := &twin{policy: l.policy}
		l.followers = []follower{w}
		for range storyLength {
			l.play()
			d := &l.last
			got := answer{replicas: int64(d.Replicas), known: d.Known, active: d.Active, winner: d.Winner, raw: int64(d.Raw)}
			if got != w.last {
				l.fail(t, "decides %+v, its twin %+v", got, w.last)
			}
		}
	}
}

func TestTheAnswerIsTheSameUntilNext(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		if l.last.Next <= l.now {
			l.fail(t, "next is %s, and now is not before it", l.last.Next.Sub(epoch))
		}
		until := min(l.last.Next-1, l.now.Add(3*60e9))
		between := l.now + 1 + scalers.Instant(l.dice.Int64N(int64(until-l.now)+1))
		for _, at := range []scalers.Instant{min(between, until), until} {
			if at <= l.now {
				continue
			}
			if d := l.ask(at, l.current, l.memory.Clone()); d.Replicas != l.last.Replicas {
				l.fail(t, "at %s, before next and with nothing written, the answer is %d", at.Sub(epoch), d.Replicas)
			}
			written := l.memory.Clone().Scaled(l.policy, l.now, l.current, l.last.Replicas)
			if d := l.ask(at, l.last.Replicas, written); d.Replicas != l.last.Replicas {
				l.fail(t, "at %s, before next and with the answer written, the answer is %d", at.Sub(epoch), d.Replicas)
			}
		}
	})
}

func TestDecisionsAreWithinTheLimits(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		p := l.policy
		if p.Paused != (scalers.Paused{}) {
			return
		}
		lowest := p.Min
		if p.Idle >= 0 {
			lowest = p.Idle
		}
		if n := l.last.Replicas; n < lowest || n > p.Max || n < p.Min && l.last.Active {
			l.fail(t, "%d replicas is outside the limits", n)
		}
	})
}

func TestWhatIsUnknownNeverLowers(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		n := l.last.Replicas
		if l.last.Known || l.policy.Paused.Fixed || n >= min(l.current, l.policy.Max) {
			return
		}
		if !rests(&l.last) && !answered(l.policy, &l.last) {
			l.fail(t, "lowered from %d to %d on an unknown", l.current, n)
		}
		for i, q := range l.last.Proposals() {
			if !q.Known && !q.Fallback && tells(&l.policy.Triggers[i]) {
				l.fail(t, "at rest while %s may be active", l.policy.Triggers[i].Name)
			}
		}
	})
}

// answered reports whether the fallback speaks for all that is unknown: it may lower.
func answered(p *scalers.Policy, d *scalers.Decision) bool {
	for i, q := range d.Proposals() {
		if !q.Known && !q.Fallback && !p.Triggers[i].Input {
			return false
		}
	}
	return true
}

// rests reports whether a workload is at rest, or on its way there: that is stronger than what is unknown.
func rests(d *scalers.Decision) bool {
	return slices.ContainsFunc(d.Steps(), func(s scalers.Step) bool {
		return s.Rule == scalers.RuleIdle || s.Rule == scalers.RuleCooldown && s.Until == scalers.Never
	})
}

func TestTheOrderOfTriggersIsIrrelevant(t *testing.T) {
	t.Parallel()
	for seed := *firstSeed; seed < *firstSeed+*timelines/4; seed++ {
		l := newTimeline(seed, nil)
		m := &mirror{policy: l.policy}
		l.followers = []follower{m}
		for range storyLength {
			l.play()
			if a, b := &l.last, &m.last; a.Replicas != b.Replicas || a.Next != b.Next || a.Active != b.Active || a.Known != b.Known {
				l.fail(t, "with the triggers in reverse the answer is %d until %s", b.Replicas, b.Next.Sub(epoch))
			}
		}
	}
}

// mirror decides with the triggers in reverse.
type mirror struct {
	policy *scalers.Policy
	memory scalers.Memory
	last   scalers.Decision
}

func (m *mirror) wrote(at scalers.Instant, from, to int32) {
	m.memory = m.memory.Scaled(m.policy, at, from, to)
}

func (m *mirror) away(now scalers.Instant) { m.memory = m.memory.Resume(now) }

func (m *mirror) decides(l *timeline) {
	p, events := *m.policy, slices.Clone(l.events)
	p.Triggers = slices.Clone(p.Triggers)
	slices.Reverse(p.Triggers[:len(events)])
	slices.Reverse(events)
	m.last = scalers.Decide(&p, scalers.Input{Now: l.now, Current: l.current, Events: events, Memory: m.memory})
	m.memory = m.last.Memory
}

func TestMoreNeverMeansFewer(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		i := l.dice.IntN(len(l.events))
		e := &l.events[i]
		if !l.last.Proposals()[i].Known {
			return
		}
		at, was := l.now.Add(time.Duration(l.dice.IntN(2)*5e9)), *e
		e.At = at
		less := l.ask(at, l.current, l.memory.Clone())
		known := less.Proposals()[i].Known && less.Known
		if t := &l.policy.Triggers[i]; t.Cap && t.Exact && !steps(t) && less.Proposals()[i].Replicas == 0 {
			known = false // A schedule or an alert that is off caps nothing; on, it may lower.
		}
		more := scalers.Milli(l.dice.IntN(5000))
		if e.Value += more; e.PerPod {
			e.Pods = slices.Clone(e.Pods)
			e.Pods[l.dice.IntN(len(e.Pods))].Usage += more
		}
		if more := l.ask(at, l.current, l.memory.Clone()); known && more.Replicas < less.Replicas {
			l.fail(t, "when %s is %s %v the answer is %d, and not %d", e.Trigger, e.Value, e.Pods, more.Replicas, less.Replicas)
		}
		*e = was
	})
}

func TestMemoryOutlivesItsTextAtAnyPoint(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		text, err := l.memory.MarshalText()
		if err != nil {
			l.fail(t, "%v", err)
		}
		var back scalers.Memory
		if err := back.UnmarshalText(text); err != nil {
			l.fail(t, "%v", err)
		}
		if !reflect.DeepEqual(normal(back), normal(l.memory)) {
			l.fail(t, "%+v came back as %+v", l.memory, back)
		}
		l.memory = back
	})
}

// normal has no empty lists, only nil ones.
func normal(m scalers.Memory) scalers.Memory {
	m.Highs, m.Lows = slices.Clip(append([]scalers.Record(nil), m.Highs...)), slices.Clip(append([]scalers.Record(nil), m.Lows...))
	m.Changes = slices.Clip(append([]scalers.Change(nil), m.Changes...))
	m.Failures = slices.Clip(append([]scalers.Failure(nil), m.Failures...))
	m.Bases = slices.Clip(append([]scalers.Base(nil), m.Bases...))
	return m
}
