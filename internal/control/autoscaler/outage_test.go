package autoscaler

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// outageLength is how long the API server is away.
const outageLength = 10 * time.Minute

func TestAfterTenMinutesWithoutAnAPIServerOnlyTheNewestIsWritten(t *testing.T) {
	in(t, 2, 1, func(t *testing.T, w *env) {
		w.sources[0].says(4)
		w.sources[1].says(1)
		w.want(4)
		before := len(w.target.written())
		w.target.breaks(func(int32) error { return actuator.ErrThrottled })
		for i := range int64(outageLength / time.Second) {
			w.sources[0].says(5 + i%5)
			pass(time.Second)
		}
		w.sources[0].says(6)
		w.sources[1].fails("connection refused")
		tried := len(w.target.written()) - before
		// What fails for long is tried rarely, however often its count changes.
		if most := int(outageLength/longestRaise) + 20; tried > most {
			t.Errorf("%d tries in %s, want %d at most", tried, outageLength, most)
		}
		w.target.breaks(nil)
		pass(longestLower)
		w.want(6)
		if all := w.target.written()[before+tried:]; len(all) > 2 || all[len(all)-1].to != 6 {
			t.Errorf("on its return the API server got %v, want the newest count", all)
		}
	})
}

func TestASourceThatFlapsLowersNothingButByWhatItSays(t *testing.T) {
	in(t, 1, 1, func(t *testing.T, w *env) {
		w.sources[0].says(7)
		w.want(7)
		decided := w.journal.decided()
		for range 200 {
			w.sources[0].fails("i/o timeout")
			pass(100 * time.Millisecond)
			w.want(7)
			w.sources[0].says(7)
			pass(100 * time.Millisecond)
			w.want(7)
		}
		if n := len(w.target.written()); n != 1 {
			t.Errorf("%d writes, want the first only", n)
		}
		if n := w.journal.decided() - decided; n > 400 {
			t.Errorf("%d decisions on 400 readings", n)
		}
		w.sources[0].says(2)
		w.want(2)
	})
}

func TestAClockThatIsSetBackIsNotSeen(t *testing.T) {
	in(t, 1, 5, func(_ *testing.T, w *env) {
		w.sources[0].says(5)
		w.want(5)
		m := w.stop()
		pass(time.Minute)
		// The machine was ahead by an hour when this was remembered, and is right now.
		ahead := scalers.InstantOf(time.Now().Add(time.Hour))
		w.start(m.Recommended(w.spec.Policy, ahead, 5))
		w.sources[0].says(3)
		w.want(3)
	})
}
