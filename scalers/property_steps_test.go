package scalers_test

import (
	"reflect"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestPropertySteps(t *testing.T) {
	t.Parallel()
	t.Run("a base is kept until its level is zero", testBaseIsKeptUntilItsLevelIsZero)
	t.Run("a step is never in its base", testStepIsNeverInItsBase)
	t.Run("an AtLeast level never lowers the count", testAtLeastLevelNeverLowersCount)
	t.Run("a confirmed level decides as an unconfirmed one", testConfirmedLevelDecidesAsUnconfirmedOne)
}

func testBaseIsKeptUntilItsLevelIsZero(t *testing.T) {
	t.Parallel()
	bases := 0
	for seed := *firstSeed; seed < *firstSeed+*timelines/4; seed++ {
		l, taken := newTimeline(seed, nil), map[int]int32{}
		for range timelineLength {
			l.play()
			for i, q := range l.last.Proposals() {
				was, is := taken[i]
				switch t2 := &l.policy.Triggers[i]; {
				case !isStep(t2) || !q.Known && (!q.AtLeast || t2.Cap):
				case q.Level < 1000 && q.Known:
					delete(taken, i)
				case q.Level >= 1000 && is && was != q.Base:
					l.fail(t, "the base of %s: got %d, want still %d", t2.Name, q.Base, was)
				case q.Level >= 1000:
					taken[i] = q.Base
					bases++
				}
			}
		}
	}
	if bases == 0 {
		t.Error("got no step in any timeline, want some")
	}
}

// A lost memory has no base. The new base is at most what the other triggers ask for by their formulas, and does not depend on
// the count, which may include the step.
func testStepIsNeverInItsBase(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		lost := l.decideAt(l.now, l.current, scalers.Memory{})
		other := l.decideAt(l.now, l.dice.Int32N(30), scalers.Memory{})
		if !reflect.DeepEqual(lost.Memory.Bases, other.Memory.Bases) {
			l.fail(t, "without a memory: got the bases %v at %d replicas, and %v at another count, want the same", lost.Memory.Bases, l.current, other.Memory.Bases)
		}
		most := max(l.policy.Min, 1)
		for i, q := range lost.Proposals() {
			if t2 := &l.policy.Triggers[i]; !isStep(t2) && !t2.Cap {
				most = max(most, q.Raw)
			}
			if l.policy.Fallback != nil && q.Fallback {
				most = max(most, int32(bounded(&l.policy.Triggers[i], int64(l.policy.Fallback.Replicas))))
			}
		}
		for _, b := range lost.Memory.Bases {
			if b.Replicas > most {
				l.fail(t, "got a base of %d, want at most the %d that the others ask for", b.Replicas, most)
			}
		}
	})
}

func testAtLeastLevelNeverLowersCount(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		if l.policy.Fallback != nil || len(l.policy.Triggers) > len(l.events) {
			return // A fallback applies to a failure but not to this; a formula treats both as missing.
		}
		e := &l.events[l.dice.IntN(len(l.events))]
		was := *e
		e.Trigger, e.At, e.Current, e.Ready, e.PerPod, e.Err = "x", l.now, l.current, l.current, false, errSource
		e.Value = scalers.Milli(l.dice.IntN(9000))
		e.AtLeast = false
		fails := l.decideAt(l.now, l.current, l.memory.Clone())
		e.AtLeast = true
		least := l.decideAt(l.now, l.current, l.memory.Clone())
		e.Value += scalers.Milli(l.dice.IntN(9000))
		more := l.decideAt(l.now, l.current, l.memory.Clone())
		if least.Replicas < fails.Replicas || more.Replicas < least.Replicas || least.Known {
			l.fail(t, "got %d replicas for a failure, %d for a least value and %d for a greater one, want them to rise, and Known false", fails.Replicas, least.Replicas, more.Replicas)
		}
		*e = was
	})
}

func testConfirmedLevelDecidesAsUnconfirmedOne(t *testing.T) {
	eachTimeline(t, 4, func(t *testing.T, l *timeline) {
		t.Helper()
		a := l.decideAt(l.now, l.current, l.memory.Clone())
		for i := range l.events {
			l.events[i].Stale = !l.events[i].Stale
		}
		b := l.decideAt(l.now, l.current, l.memory.Clone())
		if a.Replicas != b.Replicas || a.Next != b.Next || !reflect.DeepEqual(a.Memory, b.Memory) {
			l.fail(t, "with Stale reversed: got %d until %s, want %d until %s", b.Replicas, b.Next.Sub(epoch), a.Replicas, a.Next.Sub(epoch))
		}
	})
}
