package triggers

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestPollEach(t *testing.T) {
	t.Run("a trigger that is not part of the last reading is read at once", testTriggerThatIsNotPartOfLastReadingIsReadAtOnce)
	t.Run("a source that is started has no goroutine of its own", testSourceThatIsStartedHasNoGoroutine)
	t.Run("resources are released after the source has ended, or if it cannot start", testResourcesAreReleasedAtEnd)
	t.Run("a trigger that is never part of a reading does not lead to many", testTriggerThatIsNeverPartOfReadingDoesNotLeadToMany)
}

// runPart runs a trigger whose level is its part of the readings. It asks for its part now.
func (b *pollerEnv) runPart(trigger string, asked map[string]bool) {
	asked[trigger] = true
	read := func(context.Context) ([]string, error) {
		var part []string
		for name := range asked {
			part = append(part, name)
		}
		return part, nil
	}
	event := func(_ scalers.Instant, part []string) scalers.Event {
		if !slices.Contains(part, trigger) {
			return scalers.Event{Err: fmt.Errorf("%s: %w", trigger, ErrNotRead)}
		}
		return scalers.Event{Value: 1000}
	}
	source := PollEach(keyOn("k"), read, event, Env{Trigger: trigger, PollingInterval: time.Hour, Poller: b.poller, Now: time.Now})
	b.runs.Go(func() { _ = source.Run(b.ctx, b.emit) })
}

func testTriggerThatIsNotPartOfLastReadingIsReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, asked := newPollerEnv(t, 1), map[string]bool{}
		b.runPart("first", asked)
		advance(time.Minute)
		b.runPart("second", asked)
		synctest.Wait()
		b.runPart("third", asked)
		advance(time.Minute)
		for trigger, want := range map[string][]time.Duration{
			"first":  {0, time.Minute, time.Minute + minEarlyPause},
			"second": {time.Minute, time.Minute + minEarlyPause},
			"third":  {time.Minute + minEarlyPause},
		} {
			if got := b.times(trigger); !slices.Equal(got, want) {
				t.Errorf("%s: got readings at %v, want %v: at once, or half a second after the last one", trigger, got, want)
			}
		}
		for _, trigger := range []string{"first", "second", "third"} {
			if e := b.last(trigger); e.Err != nil || e.Value != 1000 {
				t.Errorf("%s: got %+v, want the level 1", trigger, e)
			}
		}
	})
}

func testTriggerThatIsNeverPartOfReadingDoesNotLeadToMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, reads := newPollerEnv(t, 1), 0
		read := func(context.Context) (int, error) { reads++; return 0, nil }
		event := func(scalers.Instant, int) scalers.Event { return scalers.Event{Err: ErrNotRead} }
		source := PollEach(keyOn("k"), read, event, Env{Trigger: "lost", PollingInterval: time.Hour, Poller: b.poller, Now: time.Now})
		b.runs.Go(func() { _ = source.Run(b.ctx, b.emit) })
		advance(10*minEarlyPause - time.Millisecond)
		if reads != 10 {
			t.Errorf("got %d readings in 5s, want 10", reads)
		}
		if got := b.times("lost"); len(got) > 0 {
			t.Errorf("got events at %v, want none", got)
		}
	})
}

func testSourceThatIsStartedHasNoGoroutine(t *testing.T) {
	const sources = 1000
	synctest.Test(t, func(t *testing.T) {
		b := newPollerEnv(t, 64)
		synctest.Wait()
		before := runtime.NumGoroutine()
		stops := make([]func(), sources)
		for i := range stops {
			name := strconv.Itoa(i)
			env := Env{Trigger: name, Poller: b.poller, Now: time.Now, WatchSecrets: func(func()) func() { return func() {} }}
			stop, err := Poll(keyOn(name), readFunc(three), env).Start(b.emit)
			if err != nil {
				t.Fatal(err)
			}
			stops[i] = stop
		}
		advance(defaultInterval)
		if got := runtime.NumGoroutine() - before; got > maxIdle {
			t.Errorf("%d sources have %d goroutines, want at most %d in all", sources, got, maxIdle)
		}
		for i, stop := range stops {
			if len(b.times(strconv.Itoa(i))) == 0 {
				t.Errorf("source %d was not read", i)
			}
			stop()
		}
	})
}

func testResourcesAreReleasedAtEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, held := newPollerEnv(t, 1), 0
		holding := func(p *Poller) Passive {
			poll := Poll(keyOn("k"), readFunc(hang), Env{Poller: p})
			return WithResources(func() (Passive, func(), error) { held++; return poll, func() { held-- }, nil })
		}
		if stop, err := holding(nil).Start(b.emit); err == nil || stop != nil || held != 0 {
			t.Errorf("a source that cannot start: got the error %v, and %d resources are held; want an error, and none", err, held)
		}
		stop, err := holding(b.poller).Start(b.emit)
		if err != nil {
			t.Fatal(err)
		}
		advance(time.Second)
		if held != 1 {
			t.Errorf("%d resources are held during a reading, want 1", held)
		}
		if stop(); held != 0 || len(b.times("")) > 0 {
			t.Errorf("%d resources are held after the end, and there were events at %v; want none", held, b.times(""))
		}
	})
}
