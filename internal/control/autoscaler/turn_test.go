package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/scalers"
)

func TestTurn(t *testing.T) {
	t.Run("what is written is what is decided when the turn comes", testWhatIsWrittenIsWhatIsDecidedWhenTurnComes)
	t.Run("a write that is not needed any more leaves the queue", testWriteThatIsNotNeededLeavesQueue)
	t.Run("a lowering that becomes a raise goes before other lowerings", testLoweringThatBecomesRaiseGoesFirst)
	t.Run("an autoscaler that stops leaves the queue", testAutoscalerThatStopsLeavesQueue)
	t.Run("a turn ends with its write", testTurnEndsWithItsWrite)
	t.Run("a write that the guard could not prepare in time is one that was not answered, unless this process does not lead", testWriteThatGuardCouldNotPrepareInTime)
}

// othersWrite is a number of writes that no other write may join.
const othersWrite = 1000

// queued runs a test in an env whose writes wait, because others are in flight. Each call of next ends one of them.
func queued(t *testing.T, replicas int32, test func(t *testing.T, e *env, next func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, replicas)
		e.workload.Policy.Down.Window = 0
		e.turns = writes.NewTurns()
		var others []*writes.Turn
		for i := range othersWrite {
			if turn := e.turns.Join(fmt.Sprint("other-", i), 1, nil); turn.Granted() {
				others = append(others, turn)
			} else {
				turn.End(nil)
			}
		}
		next := func() {
			others[0].End(nil)
			others = others[1:]
			synctest.Wait()
		}
		e.start(scalers.Memory{})
		test(t, e, next)
		for _, turn := range others {
			turn.End(nil)
		}
		e.stop()
	})
}

func testWhatIsWrittenIsWhatIsDecidedWhenTurnComes(t *testing.T) {
	queued(t, 1, func(t *testing.T, e *env, next func()) {
		for _, level := range []int64{3, 9, 5} {
			e.sources[0].emitLevel(level)
			e.want(1)
			pass(time.Second)
		}
		next()
		e.want(5)
		if all := e.target.written(); len(all) != 1 {
			t.Errorf("got the writes %v, want one", all)
		}
		if ended := e.journal.ended(); len(ended) != 1 || ended[0].Latency != 3*time.Second {
			t.Errorf("got %+v, want one write, 3 s after the first reading that led to it", ended)
		}
	})
}

func testWriteThatIsNotNeededLeavesQueue(t *testing.T) {
	queued(t, 2, func(t *testing.T, e *env, next func()) {
		e.sources[0].emitLevel(5)
		e.want(2)
		e.sources[0].emitLevel(2)
		e.want(2)
		next()
		e.want(2)
		if turn := e.turns.Join("shop", 1, nil); !turn.Granted() {
			t.Error("the turn is not free")
		} else {
			turn.End(nil)
		}
	})
}

func testLoweringThatBecomesRaiseGoesFirst(t *testing.T) {
	queued(t, 5, func(_ *testing.T, e *env, next func()) {
		e.sources[0].emitLevel(3)
		synctest.Wait()
		var lowerings []*writes.Turn
		for range 3 {
			lowerings = append(lowerings, e.turns.Join("shop", -1, nil))
		}
		e.sources[0].emitLevel(8)
		e.want(5)
		next() // One turn in four is that of a lowering.
		next()
		e.want(8)
		for _, turn := range lowerings {
			turn.End(nil)
		}
	})
}

func testAutoscalerThatStopsLeavesQueue(t *testing.T) {
	queued(t, 1, func(t *testing.T, e *env, next func()) {
		e.sources[0].emitLevel(3)
		e.want(1)
		e.stop()
		e.stop = func() scalers.Memory { return scalers.Memory{} }
		next()
		e.want(1)
		if turn := e.turns.Join("shop", 1, nil); !turn.Granted() {
			t.Error("the turn is not free")
		} else {
			turn.End(nil)
		}
	})
}

func testTurnEndsWithItsWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 1)
		e.turns = writes.NewTurns()
		e.start(scalers.Memory{})
		for i := range int64(othersWrite) {
			e.sources[0].emitLevel(3 + i%2*3)
			pass(5 * time.Minute)
		}
		if got := len(e.target.written()); got != othersWrite {
			t.Errorf("got %d writes, want %d", got, othersWrite)
		}
		e.stop()
	})
}

func testWriteThatGuardCouldNotPrepareInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, refusal := range map[int]error{64: errors.New("another process leads"), 2: fmt.Errorf("store the count: %w", context.DeadlineExceeded)} {
			e := newEnv(t, 1, 1)
			e.turns = writes.NewTurns()
			e.guard = func(context.Context, int32) (context.Context, context.CancelFunc, error) { return nil, nil, refusal }
			e.start(scalers.Memory{})
			e.sources[0].emitLevel(5)
			pass(time.Hour)
			if ended := e.journal.ended(); len(ended) < 10 {
				t.Errorf("%v: got %d writes, want the one that is not allowed again and again", refusal, len(ended))
			}
			granted := 0
			for range othersWrite {
				if e.turns.Join("shop", 1, nil).Granted() {
					granted++
				}
			}
			if granted != want {
				t.Errorf("%v: the namespace may have %d writes in flight, want %d", refusal, granted, want)
			}
			e.stop()
		}
	})
}
