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

func TestAutoscaler(t *testing.T) {
	t.Run("a level leads to a write at the instant it arrives", testLevelLeadsToWriteAtInstantItArrives)
	t.Run("our own write causes no decision", testOurOwnWriteCausesNoDecision)
	t.Run("nothing is decided in the steady state", testNothingIsDecidedInSteadyState)
	t.Run("a foreign write is answered", testForeignWriteIsAnswered)
	t.Run("the newest decision replaces those that wait for a write", testNewestDecisionReplacesThoseThatWaitForWrite)
	t.Run("the maximum of triggers wins", testMaximumOfTriggersWins)
	t.Run("an unknown trigger holds the count while another may raise it", testUnknownTriggerHoldsCountWhileAnotherMayRaiseIt)
	t.Run("the first decision waits for each trigger, up to a limit", testFirstDecisionWaitsForEachTriggerUpToLimit)
	t.Run("a source that ends is unknown and is opened again", testSourceThatEndsIsUnknownAndIsOpenedAgain)
	t.Run("a new policy is followed at once", testNewPolicyIsFollowedAtOnce)
	t.Run("a cooldown ends at its instant", testCooldownEndsAtItsInstant)
	t.Run("restart keeps the replicas", testRestartKeepsReplicas)
	t.Run("after a restart an unremembered count is held for a window", testAfterRestartUnrememberedCountIsHeldForWindow)
	t.Run("stop waits for the write in flight", testStopWaitsForWriteInFlight)
	t.Run("any schedule converges", testAnyScheduleConverges)
	t.Run("a dry run decides and writes nothing", testDryRunDecidesAndWritesNothing)
}

func testLevelLeadsToWriteAtInstantItArrives(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		began := time.Now()
		e.sources[0].emitLevel(5)
		e.want(5)
		if at := e.target.written()[0].at; !at.Equal(began) {
			t.Errorf("written %s after the reading, want at its instant", at.Sub(began))
		}
		if got := e.journal.writes[0]; got.From != 1 || got.To != 5 || got.Latency != 0 || got.Decision.Replicas != 5 {
			t.Errorf("got the report %+v, want a write from 1 to 5 without latency", got)
		}
	})
}

func testOurOwnWriteCausesNoDecision(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.target.latency = 10 * time.Millisecond
		e.sources[0].emitLevel(5)
		synctest.Wait()
		before := e.journal.decisionCount()
		pass(time.Minute)
		e.want(5)
		if got := e.journal.decisionCount(); got != before {
			t.Errorf("got %d decisions after our own write, want none", got-before)
		}
	})
}

func testNothingIsDecidedInSteadyState(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(5)
		e.want(5)
		before := e.journal.decisionCount()
		pass(24 * time.Hour)
		if got := e.journal.decisionCount(); got != before {
			t.Errorf("got %d decisions in a day without a reading, want none", got-before)
		}
	})
}

func testForeignWriteIsAnswered(t *testing.T) {
	in(t, 1, 1, func(_ *testing.T, e *env) {
		e.sources[0].emitLevel(5)
		e.want(5)
		e.target.writeForeign(2)
		e.want(5)
	})
}

func testNewestDecisionReplacesThoseThatWaitForWrite(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.target.latency = time.Second
		for level := int64(2); level <= 8; level++ {
			e.sources[0].emitLevel(level)
			synctest.Wait()
		}
		pass(3 * time.Second)
		e.want(8)
		if writes := e.target.written(); len(writes) != 2 || writes[0].to != 2 || writes[1].to != 8 {
			t.Errorf("got the writes %v, want 2 and then 8", writes)
		}
	})
}

func testMaximumOfTriggersWins(t *testing.T) {
	in(t, 2, 1, func(_ *testing.T, e *env) {
		e.sources[0].emitLevel(3)
		e.sources[1].emitLevel(7)
		e.want(7)
		e.sources[1].emitLevel(2)
		e.want(3)
	})
}

func testUnknownTriggerHoldsCountWhileAnotherMayRaiseIt(t *testing.T) {
	in(t, 2, 4, func(_ *testing.T, e *env) {
		e.sources[0].emitError("connection refused")
		e.sources[1].emitLevel(2)
		e.want(4)
		e.sources[1].emitLevel(6)
		e.want(6)
		e.sources[0].emitLevel(1)
		e.sources[1].emitLevel(1)
		e.want(1)
	})
}

func testFirstDecisionWaitsForEachTriggerUpToLimit(t *testing.T) {
	in(t, 2, 1, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(3)
		synctest.Wait()
		if n := e.journal.decisionCount(); n != 0 {
			t.Fatalf("got %d decisions before the first reading of the second trigger, want none", n)
		}
		pass(firstDecisionTimeout)
		e.want(3)
	})
}

func testSourceThatEndsIsUnknownAndIsOpenedAgain(t *testing.T) {
	in(t, 2, 1, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(5)
		e.sources[1].emitLevel(1)
		e.want(5)
		e.sources[0].end <- errors.New("this stream is gone")
		synctest.Wait()
		if err := e.journal.latest().Events[0].Err; err == nil || err.Error() != "the trigger stopped: this stream is gone" {
			t.Errorf("got the error %v, want that the trigger stopped and why", err)
		}
		e.want(5)
		e.sources[1].emitLevel(9)
		e.want(9)
		pass(shortestPause)
		if e.sources[0].runs != 2 {
			t.Fatalf("the source ran %d times, want 2", e.sources[0].runs)
		}
		e.sources[0].emitLevel(1)
		e.sources[1].emitLevel(2)
		e.want(2)
		e.sources[0].unopened = errors.New("no bridge")
		e.sources[0].end <- errors.New("this stream is gone")
		pass(longestPause)
		if err := e.journal.latest().Events[0].Err; err == nil || err.Error() != "the trigger cannot start: no bridge" {
			t.Errorf("got the error %v, want that the trigger cannot start and why", err)
		}
	})
}

func testNewPolicyIsFollowedAtOnce(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(9)
		e.want(9)
		changed, policy := *e.workload, *e.workload.Policy
		policy.Max = 4
		changed.Policy = &policy
		e.autoscaler.Update(&changed)
		e.want(4)
		if e.sources[0].runs != 1 {
			t.Errorf("the source ran %d times, want once: another policy must not disturb it", e.sources[0].runs)
		}
	})
}

func testCooldownEndsAtItsInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 0)
		e.workload.Policy.Min, e.workload.Policy.Idle, e.workload.Policy.Cooldown = 0, 0, time.Minute
		e.start(scalers.Memory{})
		e.sources[0].emitLevel(3)
		e.want(3)
		e.sources[0].emitLevel(0)
		began := time.Now()
		e.want(1)
		pass(time.Minute)
		e.want(0)
		writes := e.target.written()
		if at := writes[len(writes)-1].at.Sub(began); at != time.Minute {
			t.Errorf("idle after %s, want exactly a minute", at)
		}
		e.stop()
	})
}

func testRestartKeepsReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 2, 1)
		e.workload.Policy.Down.Window = time.Minute
		e.start(scalers.Memory{})
		e.sources[0].emitLevel(6)
		e.sources[1].emitLevel(2)
		e.want(6)
		text, err := e.stop().MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var m scalers.Memory
		if err := m.UnmarshalText(text); err != nil {
			t.Fatal(err)
		}
		pass(time.Hour)
		e.start(m)
		e.sources[1].emitLevel(2)
		pass(time.Hour)
		e.want(6) // Its first trigger is not read yet.
		e.sources[0].emitLevel(6)
		e.want(6)
		if n := len(e.target.written()); n != 1 {
			t.Errorf("got %d writes after the restart, want none", n-1)
		}
		e.stop()
	})
}

// The process before this one has scaled to 6, and died before its report.
func testAfterRestartUnrememberedCountIsHeldForWindow(t *testing.T) {
	for decided, want := range map[int32]int32{2: 6, 6: 2, 9: 2} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t, 1, 2)
			e.workload.Policy.Down.Window = time.Minute
			e.start(scalers.Memory{})
			e.sources[0].emitLevel(2)
			pass(time.Hour)
			m := e.stop()
			e.target.writeForeign(6)
			e.resume(Past{Memory: m, Decided: &decided})
			e.sources[0].emitLevel(2)
			pass(time.Minute - time.Millisecond)
			e.want(want)
			pass(time.Millisecond)
			e.want(2)
			e.stop()
		})
	}
}

func testStopWaitsForWriteInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 1)
		e.target.latency = time.Second
		e.workload.Policy.Up.Policies = []scalers.RatePolicy{{Amount: 100, Period: time.Minute}}
		e.start(scalers.Memory{})
		e.sources[0].emitLevel(5)
		synctest.Wait()
		m := e.stop()
		e.want(5)
		if len(m.Changes) != 1 || m.Changes[0].By != 4 {
			t.Errorf("the memory has the changes %v, want one of 4", m.Changes)
		}
	})
}

// Everything goes wrong at random; the count in the end is the maximum of the last levels.
func testAnyScheduleConverges(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			e := newEnv(t, 3, r.Int32N(12))
			e.target.latency = time.Duration(r.IntN(300)) * time.Millisecond
			e.start(scalers.Memory{})
			for range 60 {
				disturb(r, e)
				pass(time.Duration(r.IntN(1500)) * time.Millisecond)
			}
			e.target.failWith(nil)
			e.target.change(func(o *actuator.Observation) { o.Err, o.ForeignHPA = nil, "" })
			e.leading.Store(true)
			want := int32(1)
			for _, s := range e.sources {
				pass(2 * longestPause)
				level := r.Int32N(11)
				s.emitLevel(int64(level))
				want = max(want, level)
			}
			pass(5 * time.Minute)
			e.want(want)
			e.stop()
		})
	}
}

// disturb makes one random change.
func disturb(r *rand.Rand, e *env) {
	s := e.sources[r.IntN(len(e.sources))]
	switch r.IntN(12) {
	case 0:
		s.emitError("no answer")
	case 1:
		e.target.writeForeign(r.Int32N(12))
	case 2:
		e.target.failWith(func(int32) error { return fmt.Errorf("write: %w", actuator.ErrThrottled) })
	case 3:
		e.target.failWith(nil)
	case 4:
		e.target.change(func(o *actuator.Observation) { o.ForeignHPA = "theirs" })
	case 5:
		e.target.change(func(o *actuator.Observation) { o.ForeignHPA = "" })
	case 6:
		e.target.change(func(o *actuator.Observation) { o.Err = actuator.ErrNotFound })
	case 7:
		e.target.change(func(o *actuator.Observation) { o.Err = nil })
	case 8:
		e.target.change(func(o *actuator.Observation) { o.Scale.UID, o.Scale.Replicas = o.Scale.UID+"+", 1 })
	default:
		s.emitLevel(r.Int64N(11))
	}
}

func testDryRunDecidesAndWritesNothing(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		dry := *e.workload
		dry.DryRun = true
		e.autoscaler.Update(&dry)
		e.sources[0].emitLevel(5)
		pass(time.Minute)
		if written := e.target.written(); len(written) > 0 || e.journal.decisionCount() == 0 {
			t.Fatalf("got %d decisions and the writes %v, want some and none", e.journal.decisionCount(), written)
		}
		wet := dry
		wet.DryRun = false
		e.autoscaler.Update(&wet)
		e.want(5)
	})
}
