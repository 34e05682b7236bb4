package autoscaler

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

func TestAThrottledWriteIsTriedAgainWithTheNewestDecision(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.target.breaks(func(int32) error { return fmt.Errorf("write: %w", actuator.ErrThrottled) })
		w.sources[0].says(5)
		synctest.Wait()
		if err := w.journal.now().WriteErr; !errors.Is(err, actuator.ErrThrottled) {
			t.Errorf("reported %v", err)
		}
		w.sources[0].says(7)
		synctest.Wait()
		w.target.breaks(nil)
		pass(longestRaise)
		w.want(7)
		if err := w.journal.now().WriteErr; err != nil {
			t.Errorf("after success: %v", err)
		}
	})
}

func TestARaiseIsTriedSoonerThanALowering(t *testing.T) {
	in(t, 1, 5, func(t *testing.T, w *env) {
		w.sources[0].says(5)
		w.target.breaks(func(int32) error { return actuator.ErrThrottled })
		w.sources[0].says(2)
		synctest.Wait()
		w.sources[0].says(8)
		w.target.breaks(nil)
		pass(firstRaise)
		w.want(8)
		if n := len(w.target.written()); n != 2 {
			t.Errorf("%d tries, want the failed lowering and the raise", n)
		}
	})
}

func TestAConflictIsDecidedOnAnew(t *testing.T) {
	in(t, 1, 1, func(_ *testing.T, w *env) {
		w.target.takes = 100 * time.Millisecond
		w.sources[0].says(5)
		synctest.Wait()
		w.target.by(3) // While the write is under way.
		pass(time.Second)
		w.want(5)
	})
}

func TestAWriteWhoseAnswerWasLostIsOurOwn(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.target.lost = true
		w.target.breaks(func(int32) error { return errors.New("connection reset") })
		w.sources[0].says(5)
		pass(time.Minute)
		w.want(5)
		if n := len(w.target.written()); n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
		if o := w.journal.now(); o.WriteErr != nil || o.Contested {
			t.Errorf("reported %v, contested %t", o.WriteErr, o.Contested)
		}
	})
}

func TestAForeignHPAIsYieldedToUntilItGoes(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.target.change(func(o *actuator.Observation) { o.ForeignHPA = "theirs" })
		w.sources[0].says(5)
		pass(time.Hour)
		w.want(1)
		if o := w.journal.now(); o.Target.ForeignHPA != "theirs" {
			t.Errorf("reported %q", o.Target.ForeignHPA)
		}
		w.target.change(func(o *actuator.Observation) { o.ForeignHPA = "" })
		w.want(5)
	})
}

func TestWithoutTheLeaseNothingIsWritten(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.leading.Store(false)
		w.sources[0].says(5)
		pass(time.Minute)
		if n := len(w.target.written()); n != 0 {
			t.Fatalf("%d writes", n)
		}
		w.leading.Store(true)
		pass(notLeadingPause)
		w.want(5)
	})
}

func TestATargetThatComesLaterIsScaled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, 1, 0)
		w.target.seen = actuator.Observation{Ready: -1, Err: fmt.Errorf("deployment: %w", actuator.ErrNotFound)}
		w.start(scalers.Memory{})
		w.sources[0].says(5)
		pass(time.Hour)
		if o := w.journal.now(); o.Decided || o.TargetKnown || !errors.Is(o.Target.Err, actuator.ErrNotFound) {
			t.Errorf("reported %+v", o)
		}
		w.target.change(func(o *actuator.Observation) {
			*o = actuator.Observation{Scale: actuator.Scale{UID: "v", Replicas: 1}}
		})
		w.want(5)
		w.stop()
	})
}

func TestAContestedTargetIsAnsweredMoreAndMoreSlowly(t *testing.T) {
	in(t, 1, 8, func(t *testing.T, w *env) {
		w.sources[0].says(4) // Somebody wants 9 and we want 4: a lowering.
		w.want(4)
		for range 2 {
			w.target.by(9)
			w.want(4)
			pass(3 * time.Second)
		}
		for _, delay := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			w.target.by(9)
			pass(delay - time.Millisecond)
			w.want(9)
			if !w.journal.now().Contested {
				t.Fatal("not contested")
			}
			pass(time.Millisecond)
			w.want(4)
		}
		pass(contestedSpan)
		if w.journal.now().Contested {
			t.Error("still contested after a minute of peace")
		}
	})
}

func TestARaiseOfAContestedTargetKeepsOneTryEachFiveSeconds(t *testing.T) {
	in(t, 1, 8, func(_ *testing.T, w *env) {
		w.sources[0].says(8)
		w.want(8)
		for range 12 {
			w.target.by(2)
			pass(raiseAnswer)
			w.want(8)
		}
	})
}

func TestWritesAreBoundedInRate(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		for i := range 1000 {
			w.sources[0].says(int64(2 + i%8))
			pass(10 * time.Millisecond)
		}
		if n := len(w.target.written()); n > writesBurst+10*writesPerSecond+1 {
			t.Errorf("%d writes in 10 s", n)
		}
		w.sources[0].says(3)
		pass(time.Second)
		w.want(3)
	})
}
