package autoscaler

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

func TestALevelIsWrittenTheInstantItArrives(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		began := time.Now()
		w.sources[0].says(5)
		w.want(5)
		if at := w.target.written()[0].at; !at.Equal(began) {
			t.Errorf("written %s after the event", at.Sub(began))
		}
		if got := w.journal.writes[0]; got.From != 1 || got.To != 5 || got.Latency != 0 || got.Decision.Replicas != 5 {
			t.Errorf("reported %+v", got)
		}
	})
}

func TestOurOwnWriteCausesNoDecision(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.target.takes = 10 * time.Millisecond
		w.sources[0].says(5)
		synctest.Wait()
		before := w.journal.decided()
		pass(time.Minute)
		w.want(5)
		if got := w.journal.decided(); got != before {
			t.Errorf("%d decisions after our own write", got-before)
		}
	})
}

func TestNothingIsDecidedInTheSteadyState(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.sources[0].says(5)
		w.want(5)
		before := w.journal.decided()
		pass(24 * time.Hour)
		if got := w.journal.decided(); got != before {
			t.Errorf("%d decisions with no news", got-before)
		}
	})
}

func TestAnotherHandsCountIsAnswered(t *testing.T) {
	in(t, 1, 1, func(_ *testing.T, w *env) {
		w.sources[0].says(5)
		w.want(5)
		w.target.by(2)
		w.want(5)
	})
}

func TestTheNewestDecisionReplacesThoseThatWaitForAWrite(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.target.takes = time.Second
		for level := int64(2); level <= 8; level++ {
			w.sources[0].says(level)
			synctest.Wait()
		}
		pass(3 * time.Second)
		w.want(8)
		if writes := w.target.written(); len(writes) != 2 || writes[0].to != 2 || writes[1].to != 8 {
			t.Errorf("wrote %v, want 2 and then 8", writes)
		}
	})
}

func TestTheMaximumOfTriggersWins(t *testing.T) {
	in(t, 2, 1, func(_ *testing.T, w *env) {
		w.sources[0].says(3)
		w.sources[1].says(7)
		w.want(7)
		w.sources[1].says(2)
		w.want(3)
	})
}

func TestUnknownIsHeldAgainstAndItsSiblingGoesOn(t *testing.T) {
	in(t, 2, 4, func(_ *testing.T, w *env) {
		w.sources[0].fails("connection refused")
		w.sources[1].says(2)
		w.want(4)
		w.sources[1].says(6)
		w.want(6)
		w.sources[0].says(1)
		w.sources[1].says(1)
		w.want(1)
	})
}

func TestTheFirstDecisionWaitsForEachTriggerButNotForLong(t *testing.T) {
	in(t, 2, 1, func(t *testing.T, w *env) {
		w.sources[0].says(3)
		synctest.Wait()
		if n := w.journal.decided(); n != 0 {
			t.Fatalf("%d decisions before the second trigger has spoken", n)
		}
		pass(firstDecisionTimeout)
		w.want(3)
	})
}

func TestASourceThatGivesUpIsUnknownAndOpenedAgain(t *testing.T) {
	in(t, 2, 1, func(t *testing.T, w *env) {
		w.sources[0].says(5)
		w.sources[1].says(1)
		w.want(5)
		w.sources[0].end <- errors.New("this stream is gone")
		synctest.Wait()
		if err := w.journal.now().Events[0].Err; err == nil || err.Error() != "the trigger stopped: this stream is gone" {
			t.Errorf("the event says %v", err)
		}
		w.want(5)
		w.sources[1].says(9)
		w.want(9)
		pass(shortestPause)
		if w.sources[0].runs != 2 {
			t.Fatalf("the source ran %d times, want 2", w.sources[0].runs)
		}
		w.sources[0].says(1)
		w.sources[1].says(2)
		w.want(2)
	})
}

func TestAnotherPolicyIsFollowedAtOnce(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.sources[0].says(9)
		w.want(9)
		changed, policy := *w.spec, *w.spec.Policy
		policy.Max = 4
		changed.Policy = &policy
		w.pipe.Update(&changed)
		w.want(4)
		if w.sources[0].runs != 1 {
			t.Errorf("the source ran %d times: a policy must not disturb it", w.sources[0].runs)
		}
	})
}

func TestACooldownEndsAtItsInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, 1, 0)
		w.spec.Policy.Min, w.spec.Policy.Idle, w.spec.Policy.Cooldown = 0, 0, time.Minute
		w.start(scalers.Memory{})
		w.sources[0].says(3)
		w.want(3)
		w.sources[0].says(0)
		began := time.Now()
		w.want(1)
		pass(time.Minute)
		w.want(0)
		writes := w.target.written()
		if at := writes[len(writes)-1].at.Sub(began); at != time.Minute {
			t.Errorf("rested after %s, want exactly a minute", at)
		}
		w.stop()
	})
}

func TestRestartKeepsTheReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, 2, 1)
		w.spec.Policy.Down.Window = time.Minute
		w.start(scalers.Memory{})
		w.sources[0].says(6)
		w.sources[1].says(2)
		w.want(6)
		text, err := w.stop().MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var m scalers.Memory
		if err := m.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		w.start(m)
		w.sources[1].says(2)
		pass(time.Hour)
		w.want(6) // Its first trigger is not known yet.
		w.sources[0].says(6)
		w.want(6)
		if n := len(w.target.written()); n != 1 {
			t.Errorf("%d writes, want none after the restart", n-1)
		}
		w.stop()
	})
}

// The process before this one has scaled to 6 and died before it could say so.
func TestAfterARestartACountThatNobodyRemembersIsHeldForAWindow(t *testing.T) {
	for decided, want := range map[int32]int32{2: 6, 6: 2, 9: 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newEnv(t, 1, 2)
			w.spec.Policy.Down.Window = time.Minute
			w.start(scalers.Memory{})
			w.sources[0].says(2)
			pass(time.Hour)
			m := w.stop()
			w.target.by(6)
			w.resume(Past{Memory: m, Decided: &decided})
			w.sources[0].says(2)
			pass(time.Minute - time.Millisecond)
			w.want(want)
			pass(time.Millisecond)
			w.want(2)
			w.stop()
		})
	}
}

func TestStopWaitsForTheWriteUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, 1, 1)
		w.target.takes = time.Second
		w.spec.Policy.Up.Policies = []scalers.RatePolicy{{Amount: 100, Period: time.Minute}}
		w.start(scalers.Memory{})
		w.sources[0].says(5)
		synctest.Wait()
		m := w.stop()
		w.want(5)
		if len(m.Changes) != 1 || m.Changes[0].By != 4 {
			t.Errorf("the memory holds the changes %v, want one of 4", m.Changes)
		}
	})
}

// TestAnyScheduleConverges lets everything go wrong at random, and wants the maximum of the last levels in the end.
func TestAnyScheduleConverges(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := newEnv(t, 3, r.Int32N(12))
			w.target.takes = time.Duration(r.IntN(300)) * time.Millisecond
			w.start(scalers.Memory{})
			for range 60 {
				mischief(r, w)
				pass(time.Duration(r.IntN(1500)) * time.Millisecond)
			}
			w.target.breaks(nil)
			w.target.change(func(o *actuator.Observation) { o.Err, o.ForeignHPA = nil, "" })
			w.leading.Store(true)
			want := int32(1)
			for _, s := range w.sources {
				pass(2 * longestPause)
				level := r.Int32N(11)
				s.says(int64(level))
				want = max(want, level)
			}
			pass(5 * time.Minute)
			w.want(want)
			w.stop()
		})
	}
}

// mischief is one thing that may happen.
func mischief(r *rand.Rand, w *env) {
	s := w.sources[r.IntN(len(w.sources))]
	switch r.IntN(12) {
	case 0:
		s.fails("no answer")
	case 1:
		w.target.by(r.Int32N(12))
	case 2:
		w.target.breaks(func(int32) error { return fmt.Errorf("write: %w", actuator.ErrThrottled) })
	case 3:
		w.target.breaks(nil)
	case 4:
		w.target.change(func(o *actuator.Observation) { o.ForeignHPA = "theirs" })
	case 5:
		w.target.change(func(o *actuator.Observation) { o.ForeignHPA = "" })
	case 6:
		w.target.change(func(o *actuator.Observation) { o.Err = actuator.ErrNotFound })
	case 7:
		w.target.change(func(o *actuator.Observation) { o.Err = nil })
	case 8:
		w.target.change(func(o *actuator.Observation) { o.Scale.UID, o.Scale.Replicas = o.Scale.UID+"+", 1 })
	default:
		s.says(r.Int64N(11))
	}
}

func TestADryRunDecidesAndWritesNothing(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		dry := *w.spec
		dry.DryRun = true
		w.pipe.Update(&dry)
		w.sources[0].says(5)
		pass(time.Minute)
		if written := w.target.written(); len(written) > 0 || w.journal.decided() == 0 {
			t.Fatalf("%d decisions, written was %v", w.journal.decided(), written)
		}
		wet := dry
		wet.DryRun = false
		w.pipe.Update(&wet)
		w.want(5)
	})
}
