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

func TestRefusal(t *testing.T) {
	t.Run("a count that admission changes is requested less and less often", testCountThatAdmissionChangesIsRequestedLessAndLessOften)
	t.Run("a count that admission denies is requested less and less often", testCountThatAdmissionDeniesIsRequestedLessAndLessOften)
	t.Run("a smaller change than the refused one is written at once", testSmallerChangeThanRefusedOneIsWrittenAtOnce)
	t.Run("a load that oscillates around admission's limit causes no more writes", testLoadThatOscillatesAroundAdmissionsLimitCausesNoMoreWrites)
	t.Run("a count that admission changed is our own, even if observed before the response", testCountThatAdmissionChangedIsOurOwnEvenIfObservedBeforeResponse)
	t.Run("a foreign write during ours counts as foreign", testForeignWriteDuringOursCountsAsForeign)
	t.Run("an unexplained conflict is reported", testUnexplainedConflictIsReported)
}

// denyAboveFour is an admission that denies more than four replicas.
func denyAboveFour(n int32) error {
	if n > 4 {
		return fmt.Errorf("write: %w: no more than 4", actuator.ErrDenied)
	}
	return nil
}

// wantRareWrites fails unless ten minutes of refusals had some writes, and no more than the back-off allows.
func (e *env) wantRareWrites() {
	e.t.Helper()
	if n, most := len(e.target.written()), int(10*time.Minute/longestRaise)+10; n < 10 || n > most {
		e.t.Errorf("got %d writes in ten minutes, want from 10 to %d", n, most)
	}
}

func testCountThatAdmissionChangesIsRequestedLessAndLessOften(t *testing.T) {
	in(t, 1, 2, func(t *testing.T, e *env) {
		e.target.admitAtMost(4)
		e.sources[0].emitLevel(7)
		e.want(4)
		first := e.journal.ended()[0]
		if first.From != 2 || first.To != 7 || first.Stored != 4 || !errors.Is(first.Err, actuator.ErrAltered) {
			t.Errorf("got the write %+v, want 7 requested and 4 stored", first)
		}
		pass(10 * time.Minute)
		e.wantRareWrites()
		if o := e.journal.latest(); !errors.Is(o.WriteErr, actuator.ErrAltered) || o.Contested {
			t.Errorf("got the error %v and contested %t, want that admission changed the count, and false", o.WriteErr, o.Contested)
		}
		e.target.admitAtMost(0)
		pass(longestRaise)
		e.want(7)
		if err := e.journal.latest().WriteErr; err != nil {
			t.Errorf("got the error %v after admission allowed the count, want none", err)
		}
	})
}

func testCountThatAdmissionDeniesIsRequestedLessAndLessOften(t *testing.T) {
	in(t, 1, 2, func(t *testing.T, e *env) {
		e.target.failWith(denyAboveFour)
		e.sources[0].emitLevel(7)
		pass(10 * time.Minute)
		e.want(2)
		e.wantRareWrites()
		if err := e.journal.latest().WriteErr; !errors.Is(err, actuator.ErrDenied) {
			t.Errorf("got the error %v, want that admission denied the write", err)
		}
		e.target.failWith(nil)
		pass(longestRaise)
		e.want(7)
	})
}

func testSmallerChangeThanRefusedOneIsWrittenAtOnce(t *testing.T) {
	in(t, 1, 2, func(t *testing.T, e *env) {
		e.target.failWith(denyAboveFour)
		e.sources[0].emitLevel(9)
		pass(time.Hour)
		e.sources[0].emitLevel(4)
		e.want(4)
		e.sources[0].emitLevel(9)
		pass(time.Hour)
		e.sources[0].emitLevel(4)
		e.want(4)
		if err := e.journal.latest().WriteErr; err != nil {
			t.Errorf("got the error %v with the wanted count, want none", err)
		}
		e.sources[0].emitLevel(3)
		e.want(3)
	})
}

func testLoadThatOscillatesAroundAdmissionsLimitCausesNoMoreWrites(t *testing.T) {
	for name, limit := range map[string]func(*target){
		"changes": func(t *target) { t.admitAtMost(4) }, "denyAboveFour": func(t *target) { t.failWith(denyAboveFour) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 1, 4, func(t *testing.T, e *env) {
				limit(e.target)
				for i := range int64(10 * time.Minute / (100 * time.Millisecond)) {
					e.sources[0].emitLevel(4 + i*7%6)
					pass(100 * time.Millisecond)
				}
				if n, most := len(e.target.written()), int(10*time.Minute/longestRaise)+20; n > most {
					t.Errorf("got %d writes in ten minutes, want %d at most", n, most)
				}
				e.want(4)
			})
		})
	}
}

func testCountThatAdmissionChangedIsOurOwnEvenIfObservedBeforeResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 1)
		e.workload.Policy.Up.Policies = []scalers.RatePolicy{{Amount: 100, Period: time.Minute}}
		e.start(scalers.Memory{})
		e.target.answerLatency = 10 * time.Millisecond
		e.sources[0].emitLevel(9)
		for limit := int32(2); limit <= 6; limit++ {
			e.target.admitAtMost(limit)
			pass(longestRaise)
			e.want(limit)
			if e.journal.latest().Contested {
				t.Fatalf("contested after the count %d, want not: every change was ours", limit)
			}
		}
		m := e.stop()
		grown := int32(0)
		for _, change := range m.Changes {
			grown += change.By
		}
		if grown != 5 {
			t.Errorf("the memory has the changes %v, want 5 together, as stored", m.Changes)
		}
	})
}

func testForeignWriteDuringOursCountsAsForeign(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.target.latency = 10 * time.Millisecond
		for i := range int32(4) {
			e.sources[0].emitLevel(int64(5 + i))
			synctest.Wait()
			e.target.writeForeign(2) // While the write is under way.
			pass(time.Second)
		}
		if !e.journal.latest().Contested {
			t.Error("not contested after four foreign writes in a few seconds, want contested")
		}
	})
}

func testUnexplainedConflictIsReported(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.target.failWith(func(int32) error { return fmt.Errorf("write: %w", actuator.ErrConflict) })
		e.sources[0].emitLevel(5)
		pass(conflictPause / 2)
		if err := e.journal.latest().WriteErr; err != nil {
			t.Errorf("got the error %v at the first conflict, want none", err)
		}
		pass(time.Minute)
		if err := e.journal.latest().WriteErr; !errors.Is(err, actuator.ErrConflict) {
			t.Errorf("got the error %v after a minute of conflicts, want %v", err, actuator.ErrConflict)
		}
		e.target.failWith(nil)
		pass(longestLower)
		e.want(5)
		if err := e.journal.latest().WriteErr; err != nil {
			t.Errorf("got the error %v after a success, want none", err)
		}
	})
}
