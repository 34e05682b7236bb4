package autoscaler

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestPanics(t *testing.T) {
	t.Parallel()
	t.Run("a passive source whose item panics is started again, after longer and longer pauses", testPassiveSourceWhoseItemPanicsIsStartedAgain)
	t.Run("a passive source whose stop panics does not disturb the end", testPassiveSourceWhoseStopPanicsDoesNotDisturbEnd)
	t.Run("a passive source that panics while it ends has ended", testPassiveSourceThatPanicsWhileItEndsHasEnded)
}

// fuse is a passive source whose item panics some seconds after each start, as long as there are seconds.
type fuse struct {
	passive
	env     *env
	seconds []int
}

func (f *fuse) Start(emit func(scalers.Event)) (stop func(), err error) {
	env := triggers.Env{Panicked: f.env.panicked}
	item := env.NewItem(func() { panic("the fuse blew") })
	if len(f.seconds) > 0 {
		item.WakeAfter(time.Duration(f.seconds[0]) * time.Second)
		f.seconds = f.seconds[1:]
	}
	stopSource, err := f.passive.Start(emit)
	return func() { item.Stop(); stopSource() }, err
}

// withFuse runs a test in an env whose first source is a fuse.
func withFuse(t *testing.T, seconds []int, test func(t *testing.T, e *env, f *fuse)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 2, 1)
		f := &fuse{passive: passive{level: 3}, env: e, seconds: seconds}
		e.open = func(i int) (triggers.Source, error) {
			if i == 0 {
				return f, nil
			}
			return e.sources[i], nil
		}
		e.start(scalers.Memory{})
		test(t, e, f)
	})
}

func testPassiveSourceWhoseItemPanicsIsStartedAgain(t *testing.T) {
	t.Parallel()
	withFuse(t, []int{10, 10}, func(t *testing.T, e *env, f *fuse) {
		e.sources[1].emitLevel(2)
		e.want(3)
		pass(10 * time.Second)
		if err := e.journal.latest().Events[0].Err; err == nil || err.Error() != "the trigger stopped: it panicked: the fuse blew" {
			t.Errorf("got the error %v, want that it panicked", err)
		}
		e.sources[1].emitLevel(5)
		e.want(5)
		pass(time.Minute)
		var starts []time.Duration
		for _, at := range f.started {
			starts = append(starts, at.Sub(f.started[0]))
		}
		if want := []time.Duration{0, 11 * time.Second, 23 * time.Second}; !slices.Equal(starts, want) {
			t.Errorf("it was started after %v, want %v", starts, want)
		}
		if f.stopped != 2 {
			t.Errorf("it was stopped %d times, want twice", f.stopped)
		}
		if want := []string{"t0: it panicked: the fuse blew", "t0: it panicked: the fuse blew"}; !slices.Equal(e.panics, want) {
			t.Errorf("the panics %q were reported, want %q", e.panics, want)
		}
		if err := e.journal.latest().Events[0].Err; err != nil {
			t.Errorf("after the last start got the error %v, want none", err)
		}
		e.stop()
	})
}

// stopless is a passive source that panics when it is stopped.
type stopless struct{ passive }

func (s *stopless) Start(emit func(scalers.Event)) (stop func(), err error) {
	if _, err := s.passive.Start(emit); err != nil {
		return nil, err
	}
	return func() { panic("it cannot stop") }, nil
}

func testPassiveSourceWhoseStopPanicsDoesNotDisturbEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 1)
		e.open = func(int) (triggers.Source, error) { return &stopless{passive{level: 3}}, nil }
		e.start(scalers.Memory{})
		e.want(3)
		e.stop()
		if want := []string{"t0: it panicked: it cannot stop"}; !slices.Equal(e.panics, want) {
			t.Errorf("the panics %q were reported, want %q", e.panics, want)
		}
	})
}

func testPassiveSourceThatPanicsWhileItEndsHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 1)
		p, queue := &passive{level: 3}, workqueue.New(1)
		e.open = func(int) (triggers.Source, error) { return p, nil }
		e.start(scalers.Memory{})
		env := triggers.Env{Queue: queue, Panicked: e.panicked}
		item := env.NewItem(func() { panic("a defect") })
		item.Wake()
		e.stop()
		synctest.Wait()
		if p.stopped != 1 {
			t.Errorf("it was stopped %d times, want once", p.stopped)
		}
	})
}
