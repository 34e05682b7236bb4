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

// denies is an admission that denies more than four replicas.
func denies(n int32) error {
	if n > 4 {
		return fmt.Errorf("write: %w: no more than 4", actuator.ErrDenied)
	}
	return nil
}

// asksRarely fails unless ten minutes of refusals had some writes, and no more than the back-off allows.
func (w *env) asksRarely() {
	w.t.Helper()
	if n, most := len(w.target.written()), int(10*time.Minute/longestRaise)+10; n < 10 || n > most {
		w.t.Errorf("%d writes in ten minutes, want at most %d, and not none", n, most)
	}
}

func TestACountThatAdmissionChangesIsAskedForMoreAndMoreRarely(t *testing.T) {
	in(t, 1, 2, func(t *testing.T, w *env) {
		w.target.caps(4)
		w.sources[0].says(7)
		w.want(4)
		first := w.journal.wrote()[0]
		if first.From != 2 || first.To != 7 || first.Stored != 4 || !errors.Is(first.Err, actuator.ErrAltered) {
			t.Errorf("reported %+v, want 7 asked for and 4 stored", first)
		}
		pass(10 * time.Minute)
		w.asksRarely()
		if o := w.journal.now(); !errors.Is(o.WriteErr, actuator.ErrAltered) || o.Contested {
			t.Errorf("reported %v, contested %t", o.WriteErr, o.Contested)
		}
		w.target.caps(0)
		pass(longestRaise)
		w.want(7)
		if err := w.journal.now().WriteErr; err != nil {
			t.Errorf("reported %v after it was let through", err)
		}
	})
}

func TestACountThatAdmissionDeniesIsAskedForMoreAndMoreRarely(t *testing.T) {
	in(t, 1, 2, func(t *testing.T, w *env) {
		w.target.breaks(denies)
		w.sources[0].says(7)
		pass(10 * time.Minute)
		w.want(2)
		w.asksRarely()
		if err := w.journal.now().WriteErr; !errors.Is(err, actuator.ErrDenied) {
			t.Errorf("reported %v", err)
		}
		w.target.breaks(nil)
		pass(longestRaise)
		w.want(7)
	})
}

func TestASmallerChangeThanTheRefusedOneIsTriedAtOnce(t *testing.T) {
	in(t, 1, 2, func(t *testing.T, w *env) {
		w.target.breaks(denies)
		w.sources[0].says(9)
		pass(time.Hour)
		w.sources[0].says(4)
		w.want(4)
		w.sources[0].says(9)
		pass(time.Hour)
		w.sources[0].says(4)
		w.want(4)
		if err := w.journal.now().WriteErr; err != nil {
			t.Errorf("reported %v with the count that is wanted", err)
		}
		w.sources[0].says(3)
		w.want(3)
	})
}

func TestALoadThatWobblesAcrossTheLimitOfAdmissionIsNoReasonToAskMoreOften(t *testing.T) {
	for name, limit := range map[string]func(*target){
		"changes": func(t *target) { t.caps(4) }, "denies": func(t *target) { t.breaks(denies) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 1, 4, func(t *testing.T, w *env) {
				limit(w.target)
				for i := range int64(10 * time.Minute / (100 * time.Millisecond)) {
					w.sources[0].says(4 + i*7%6)
					pass(100 * time.Millisecond)
				}
				if n, most := len(w.target.written()), int(10*time.Minute/longestRaise)+20; n > most {
					t.Errorf("%d writes in ten minutes, want at most %d", n, most)
				}
				w.want(4)
			})
		})
	}
}

func TestWhatAdmissionMadeOfOurCountIsNoOtherHandsEvenIfItIsSeenBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, 1, 1)
		w.spec.Policy.Up.Policies = []scalers.RatePolicy{{Amount: 100, Period: time.Minute}}
		w.start(scalers.Memory{})
		w.target.answers = 10 * time.Millisecond
		w.sources[0].says(9)
		for limit := int32(2); limit <= 6; limit++ {
			w.target.caps(limit)
			pass(longestRaise)
			w.want(limit)
			if w.journal.now().Contested {
				t.Fatalf("contested after %d changes that were ours", limit)
			}
		}
		m := w.stop()
		grown := int32(0)
		for _, change := range m.Changes {
			grown += change.By
		}
		if grown != 5 {
			t.Errorf("the memory holds the changes %v, want 5 together: what was stored", m.Changes)
		}
	})
}

func TestAnotherHandsWriteDuringOursCountsAsOne(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.target.takes = 10 * time.Millisecond
		for i := range int32(4) {
			w.sources[0].says(int64(5 + i))
			synctest.Wait()
			w.target.by(2) // While the write is under way.
			pass(time.Second)
		}
		if !w.journal.now().Contested {
			t.Error("four foreign writes in a few seconds are not contested")
		}
	})
}

func TestAConflictThatNothingExplainsIsTold(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.target.breaks(func(int32) error { return fmt.Errorf("write: %w", actuator.ErrConflict) })
		w.sources[0].says(5)
		pass(conflictPause / 2)
		if err := w.journal.now().WriteErr; err != nil {
			t.Errorf("the first is told: %v", err)
		}
		pass(time.Minute)
		if err := w.journal.now().WriteErr; !errors.Is(err, actuator.ErrConflict) {
			t.Errorf("after a minute of them was told: %v", err)
		}
		w.target.breaks(nil)
		pass(longestLower)
		w.want(5)
		if err := w.journal.now().WriteErr; err != nil {
			t.Errorf("reported %v after success", err)
		}
	})
}
