package scalers_test

import (
	"reflect"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestABaseStandsUntilItsLevelIsZero(t *testing.T) {
	t.Parallel()
	bases := 0
	for seed := *firstSeed; seed < *firstSeed+*timelines/4; seed++ {
		l, taken := newTimeline(seed, nil), map[int]int32{}
		for range storyLength {
			l.play()
			for i, q := range l.last.Proposals() {
				was, is := taken[i]
				switch t2 := &l.policy.Triggers[i]; {
				case !steps(t2) || !q.Known && (!q.AtLeast || t2.Cap):
				case q.Level < 1000 && q.Known:
					delete(taken, i)
				case q.Level >= 1000 && is && was != q.Base:
					l.fail(t, "the base of %s was %d and is %d", t2.Name, was, q.Base)
				case q.Level >= 1000:
					taken[i] = q.Base
					bases++
				}
			}
		}
	}
	if bases == 0 {
		t.Error("nothing stepped")
	}
}

// A memory that was lost, or an older one, has no base. The one that is taken then is at most what the others ask for by their
// formulas, and does not depend on the count: that may have the step in it.
func TestAStepIsNeverInItsBase(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		lost := l.ask(l.now, l.current, scalers.Memory{})
		other := l.ask(l.now, l.dice.Int32N(30), scalers.Memory{})
		if !reflect.DeepEqual(lost.Memory.Bases, other.Memory.Bases) {
			l.fail(t, "the bases are %v, and at %v replicas %v", lost.Memory.Bases, other.Replicas, other.Memory.Bases)
		}
		most := max(l.policy.Min, 1)
		for i, q := range lost.Proposals() {
			if t2 := &l.policy.Triggers[i]; !steps(t2) && !t2.Cap {
				most = max(most, q.Raw)
			}
			if l.policy.Fallback != nil && q.Fallback {
				most = max(most, int32(bounded(&l.policy.Triggers[i], int64(l.policy.Fallback.Replicas))))
			}
		}
		for _, b := range lost.Memory.Bases {
			if b.Replicas > most {
				l.fail(t, "a base is %d, and nobody asks for more than %d", b.Replicas, most)
			}
		}
	})
}

func TestWhatIsKnownAtLeastNeverGivesFewer(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		if l.policy.Fallback != nil || len(l.policy.Triggers) > len(l.events) {
			return // A fallback answers to what fails, and this does not; to a formula the one is as missing as the other.
		}
		e := &l.events[l.dice.IntN(len(l.events))]
		was := *e
		e.Trigger, e.At, e.Current, e.Ready, e.PerPod, e.Err = "x", l.now, l.current, l.current, false, errSource
		e.Value = scalers.Milli(l.dice.IntN(9000))
		e.AtLeast = false
		fails := l.ask(l.now, l.current, l.memory.Clone())
		e.AtLeast = true
		least := l.ask(l.now, l.current, l.memory.Clone())
		e.Value += scalers.Milli(l.dice.IntN(9000))
		more := l.ask(l.now, l.current, l.memory.Clone())
		if least.Replicas < fails.Replicas || more.Replicas < least.Replicas || least.Known {
			l.fail(t, "when it fails the answer is %d, at least something %d, and more %d", fails.Replicas, least.Replicas, more.Replicas)
		}
		*e = was
	})
}

func TestWhetherALevelWasConfirmedDecidesNothing(t *testing.T) {
	each(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		a := l.ask(l.now, l.current, l.memory.Clone())
		for i := range l.events {
			l.events[i].Stale = !l.events[i].Stale
		}
		b := l.ask(l.now, l.current, l.memory.Clone())
		if a.Replicas != b.Replicas || a.Next != b.Next || !reflect.DeepEqual(a.Memory, b.Memory) {
			l.fail(t, "unconfirmed the answer is %d until %s, and not %d", b.Replicas, b.Next.Sub(epoch), a.Replicas)
		}
	})
}
