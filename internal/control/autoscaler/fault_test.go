package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

func TestWriteFaults(t *testing.T) {
	t.Run("a throttled write is retried with the newest decision", testThrottledWriteIsRetriedWithNewestDecision)
	t.Run("a raise is retried sooner than a lowering", testRaiseIsRetriedSoonerThanLowering)
	t.Run("a conflict leads to a new decision", testConflictLeadsToNewDecision)
	t.Run("a write with a lost response is recognized as our own", testWriteWithLostResponseIsRecognizedAsOurOwn)
	t.Run("nothing is written while a foreign HPA exists", testNothingIsWrittenWhileForeignHPAExists)
	t.Run("a write that its guard refuses is not sent, and is retried", testWriteThatItsGuardRefusesIsRetried)
	t.Run("without the Lease nothing is written", testWithoutLeaseNothingIsWritten)
	t.Run("a target that is created later is scaled", testTargetThatIsCreatedLaterIsScaled)
	t.Run("a contested target is written less and less often", testContestedTargetIsWrittenLessAndLessOften)
	t.Run("a raise of a contested target is retried every five seconds", testRaiseOfContestedTargetIsRetriedEveryFiveSeconds)
	t.Run("writes are bounded in rate", testWritesAreBoundedInRate)
}

func testThrottledWriteIsRetriedWithNewestDecision(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.target.failWith(func(int32) error { return fmt.Errorf("write: %w", actuator.ErrThrottled) })
		e.sources[0].emitLevel(5)
		synctest.Wait()
		if err := e.journal.latest().WriteErr; !errors.Is(err, actuator.ErrThrottled) {
			t.Errorf("got the error %v, want that the API server throttles", err)
		}
		e.sources[0].emitLevel(7)
		synctest.Wait()
		e.target.failWith(nil)
		pass(longestRaise)
		e.want(7)
		if err := e.journal.latest().WriteErr; err != nil {
			t.Errorf("got the error %v after a success, want none", err)
		}
	})
}

func testRaiseIsRetriedSoonerThanLowering(t *testing.T) {
	in(t, 1, 5, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(5)
		e.target.failWith(func(int32) error { return actuator.ErrThrottled })
		e.sources[0].emitLevel(2)
		synctest.Wait()
		e.sources[0].emitLevel(8)
		e.target.failWith(nil)
		pass(firstRaise)
		e.want(8)
		if n := len(e.target.written()); n != 2 {
			t.Errorf("got %d writes, want 2: the failed lowering and the raise", n)
		}
	})
}

func testConflictLeadsToNewDecision(t *testing.T) {
	in(t, 1, 1, func(_ *testing.T, e *env) {
		e.target.latency = 100 * time.Millisecond
		e.sources[0].emitLevel(5)
		synctest.Wait()
		e.target.writeForeign(3) // While the write is under way.
		pass(time.Second)
		e.want(5)
	})
}

func testWriteWithLostResponseIsRecognizedAsOurOwn(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.target.lost = true
		e.target.failWith(func(int32) error { return errors.New("connection reset") })
		e.sources[0].emitLevel(5)
		pass(time.Minute)
		e.want(5)
		if n := len(e.target.written()); n != 1 {
			t.Errorf("got %d writes, want 1", n)
		}
		if o := e.journal.latest(); o.WriteErr != nil || o.Contested {
			t.Errorf("got the error %v and contested %t, want neither", o.WriteErr, o.Contested)
		}
	})
}

func testNothingIsWrittenWhileForeignHPAExists(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.target.change(func(o *actuator.Observation) { o.ForeignHPA = "theirs" })
		e.sources[0].emitLevel(5)
		pass(time.Hour)
		e.want(1)
		if o := e.journal.latest(); o.Target.ForeignHPA != "theirs" {
			t.Errorf("got the foreign HPA %q, want theirs", o.Target.ForeignHPA)
		}
		e.target.change(func(o *actuator.Observation) { o.ForeignHPA = "" })
		e.want(5)
	})
}

func testWithoutLeaseNothingIsWritten(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.leading.Store(false)
		e.sources[0].emitLevel(5)
		pass(time.Minute)
		if n := len(e.target.written()); n != 0 {
			t.Fatalf("got %d writes without the lease, want none", n)
		}
		e.leading.Store(true)
		pass(notLeadingPause)
		e.want(5)
	})
}

func testTargetThatIsCreatedLaterIsScaled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 0)
		e.target.observed = actuator.Observation{Ready: -1, Err: fmt.Errorf("deployment: %w", actuator.ErrNotFound)}
		e.start(scalers.Memory{})
		e.sources[0].emitLevel(5)
		pass(time.Hour)
		if o := e.journal.latest(); o.Decided || o.TargetKnown || !errors.Is(o.Target.Err, actuator.ErrNotFound) {
			t.Errorf("got the report %+v, want no decision and a target that is not found", o)
		}
		e.target.change(func(o *actuator.Observation) {
			*o = actuator.Observation{Scale: actuator.Scale{UID: "v", Replicas: 1}}
		})
		e.want(5)
		e.stop()
	})
}

func testContestedTargetIsWrittenLessAndLessOften(t *testing.T) {
	in(t, 1, 8, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(4) // Another client wants 9 and we want 4: a lowering.
		e.want(4)
		for range 2 {
			e.target.writeForeign(9)
			e.want(4)
			pass(3 * time.Second)
		}
		for _, delay := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			e.target.writeForeign(9)
			pass(delay - time.Millisecond)
			e.want(9)
			if !e.journal.latest().Contested {
				t.Fatal("not contested after at least three foreign writes, want contested")
			}
			pass(time.Millisecond)
			e.want(4)
		}
		pass(contestedSpan)
		if e.journal.latest().Contested {
			t.Error("still contested a minute after the last foreign write")
		}
	})
}

func testRaiseOfContestedTargetIsRetriedEveryFiveSeconds(t *testing.T) {
	in(t, 1, 8, func(_ *testing.T, e *env) {
		e.sources[0].emitLevel(8)
		e.want(8)
		for range 12 {
			e.target.writeForeign(2)
			pass(longestContestedRaise)
			e.want(8)
		}
	})
}

func testWritesAreBoundedInRate(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		for i := range 1000 {
			e.sources[0].emitLevel(int64(2 + i%8))
			pass(10 * time.Millisecond)
		}
		if n := len(e.target.written()); n > writesBurst+10*writesPerSecond+1 {
			t.Errorf("got %d writes in 10 s, want %d at most", n, writesBurst+10*writesPerSecond+1)
		}
		e.sources[0].emitLevel(3)
		pass(time.Second)
		e.want(3)
	})
}

func testWriteThatItsGuardRefusesIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, refused := newEnv(t, 1, 1), errors.New("the original count is not stored yet")
		var counts []int32
		e.guard = func(ctx context.Context, count int32) (context.Context, context.CancelFunc, error) {
			if counts = append(counts, count); len(counts) == 1 {
				return nil, nil, refused
			}
			return ctx, func() {}, nil
		}
		e.start(scalers.Memory{})
		e.sources[0].emitLevel(5)
		e.want(1)
		if got := e.journal.latest().WriteErr; !errors.Is(got, refused) || len(e.target.written()) != 0 {
			t.Errorf("got the error %v and %d writes, want the error of the guard and no write", got, len(e.target.written()))
		}
		pass(longestRaise)
		e.want(5)
		if want := []int32{1, 1}; !slices.Equal(counts, want) {
			t.Errorf("the guard was asked about the counts %v, want %v", counts, want)
		}
		e.stop()
	})
}
