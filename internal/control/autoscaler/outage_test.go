package autoscaler

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

func TestOutage(t *testing.T) {
	t.Run("after ten minutes without an API server only the newest count is written", testAfterTenMinutesWithoutAPIServerOnlyNewestCountIsWritten)
	t.Run("a flapping source lowers the count only by its readings", testFlappingSourceLowersCountOnlyByItsReadings)
	t.Run("a clock that is set back has no effect", testClockThatIsSetBackHasNoEffect)
}

// outageLength is how long the API server is unavailable.
const outageLength = 10 * time.Minute

func testAfterTenMinutesWithoutAPIServerOnlyNewestCountIsWritten(t *testing.T) {
	in(t, 2, 1, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(4)
		e.sources[1].emitLevel(1)
		e.want(4)
		before := len(e.target.written())
		e.target.failWith(func(int32) error { return actuator.ErrThrottled })
		for i := range int64(outageLength / time.Second) {
			e.sources[0].emitLevel(5 + i%5)
			pass(time.Second)
		}
		e.sources[0].emitLevel(6)
		e.sources[1].emitError("connection refused")
		tried := len(e.target.written()) - before
		// What fails for long is tried rarely, however often its count changes.
		if most := int(outageLength/longestRaise) + 20; tried > most {
			t.Errorf("got %d writes in %s, want %d at most", tried, outageLength, most)
		}
		e.target.failWith(nil)
		pass(longestLower)
		e.want(6)
		if all := e.target.written()[before+tried:]; len(all) > 2 || all[len(all)-1].to != 6 {
			t.Errorf("got the writes %v when the API server was back, want the newest count, 6", all)
		}
	})
}

func testFlappingSourceLowersCountOnlyByItsReadings(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.sources[0].emitLevel(7)
		e.want(7)
		decided := e.journal.decisionCount()
		for range 200 {
			e.sources[0].emitError("i/o timeout")
			pass(100 * time.Millisecond)
			e.want(7)
			e.sources[0].emitLevel(7)
			pass(100 * time.Millisecond)
			e.want(7)
		}
		if n := len(e.target.written()); n != 1 {
			t.Errorf("got %d writes, want the first only", n)
		}
		if n := e.journal.decisionCount() - decided; n > 400 {
			t.Errorf("got %d decisions on 400 readings, want 400 at most", n)
		}
		e.sources[0].emitLevel(2)
		e.want(2)
	})
}

func testClockThatIsSetBackHasNoEffect(t *testing.T) {
	in(t, 1, 5, func(_ *testing.T, e *env) {
		e.sources[0].emitLevel(5)
		e.want(5)
		m := e.stop()
		pass(time.Minute)
		// The machine was ahead by an hour when this was remembered, and is right now.
		ahead := scalers.InstantOf(time.Now().Add(time.Hour))
		e.start(m.Recommended(e.workload.Policy, ahead, 5))
		e.sources[0].emitLevel(3)
		e.want(3)
	})
}
