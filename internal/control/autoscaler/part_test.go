package autoscaler

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestParts(t *testing.T) {
	t.Parallel()
	t.Run("a passive source is started and stopped, never run", testPassiveSourceIsStartedAndStopped)
	t.Run("a passive source that cannot start is tried again, after longer and longer pauses", testPassiveSourceThatCannotStartIsTriedAgain)
	t.Run("a source that panics is unknown, and the others continue", testSourceThatPanicsIsUnknown)
	t.Run("a source of single pods waits for the first observation", testSourceOfSinglePodsWaitsForFirstObservation)
	t.Run("the end waits for a source that ends slowly", testEndWaitsForSourceThatEndsSlowly)
	t.Run("what arrives at the start leads to one step", testWhatArrivesAtStartLeadsToOneStep)
}

// passive is a source without a goroutine.
type passive struct {
	source
	// refused are the errors of the first calls of Start; a nil makes it panic.
	refused []error
	started []time.Time
	stopped int
	level   int64
}

func (p *passive) Start(emit func(scalers.Event)) (stop func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = append(p.started, time.Now())
	if n := len(p.started) - 1; n < len(p.refused) {
		if p.refused[n] == nil {
			panic("a defect")
		}
		return nil, p.refused[n]
	}
	p.emit = emit
	emit(scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(p.level * 1000)})
	return func() { p.stopped++ }, nil
}

// inPassive runs a test in an env whose first source is passive.
func inPassive(t *testing.T, p *passive, test func(t *testing.T, e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 2, 1)
		e.open = func(i int) (triggers.Source, error) {
			if i == 0 {
				return p, nil
			}
			return e.sources[i], nil
		}
		e.start(scalers.Memory{})
		test(t, e)
		e.stop()
	})
}

func testPassiveSourceIsStartedAndStopped(t *testing.T) {
	t.Parallel()
	p := &passive{level: 3}
	inPassive(t, p, func(t *testing.T, e *env) {
		e.sources[1].emitLevel(1)
		e.want(3)
		p.emitLevel(7)
		e.want(7)
		if p.runs != 0 || p.stopped != 0 {
			t.Errorf("it ran %d times and was stopped %d times, want 0 and 0", p.runs, p.stopped)
		}
	})
	if len(p.started) != 1 || p.stopped != 1 {
		t.Errorf("it was started %d times and stopped %d times, want once each", len(p.started), p.stopped)
	}
}

func testPassiveSourceThatCannotStartIsTriedAgain(t *testing.T) {
	t.Parallel()
	p := &passive{level: 3, refused: []error{errors.New("no such queue"), nil, errors.New("no such queue")}}
	inPassive(t, p, func(t *testing.T, e *env) {
		e.sources[1].emitLevel(2)
		synctest.Wait()
		if err := e.journal.latest().Events[0].Err; err == nil || err.Error() != "the trigger stopped: no such queue" {
			t.Errorf("got the error %v, want why it cannot start", err)
		}
		pass(time.Second)
		if err := e.journal.latest().Events[0].Err; err == nil || err.Error() != "the trigger stopped: it panicked: a defect" {
			t.Errorf("got the error %v, want that it panicked", err)
		}
		pass(time.Minute)
		e.want(3)
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}
		for i, at := range p.started {
			if i >= len(want) || at.Sub(p.started[0]) != want[i] {
				t.Errorf("start %d came after %v, want them after %v", i, at.Sub(p.started[0]), want)
			}
		}
		if len(p.started) != len(want) {
			t.Errorf("it was started %d times, want %d", len(p.started), len(want))
		}
	})
}

func testSourceThatPanicsIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 2, 4)
		e.open = func(i int) (triggers.Source, error) {
			if i == 0 {
				panic("a defect")
			}
			return e.sources[i], nil
		}
		e.start(scalers.Memory{})
		e.sources[1].emitLevel(2)
		e.want(4)
		e.sources[1].emitLevel(6)
		e.want(6)
		if err := e.journal.latest().Events[0].Err; err == nil || err.Error() != "the trigger stopped: it panicked: a defect" {
			t.Errorf("got the error %v, want that it panicked", err)
		}
		if !slices.Equal(e.panics, []string{"t0: it panicked: a defect"}) {
			t.Errorf("the panics %q were reported, want the one", e.panics)
		}
		e.stop()
	})
}

func testSourceOfSinglePodsWaitsForFirstObservation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 2, 1)
		e.workload.Policy.Triggers[0].PerPod = true
		e.target.silent = true
		e.start(scalers.Memory{})
		pass(time.Hour)
		if e.sources[0].runs != 0 || e.sources[1].runs != 1 {
			t.Errorf("before the first observation the sources ran %d and %d times, want 0 and 1", e.sources[0].runs, e.sources[1].runs)
		}
		e.target.change(func(o *actuator.Observation) { o.Err = actuator.ErrNotFound })
		synctest.Wait()
		if e.sources[0].runs != 1 {
			t.Errorf("after the first observation the source ran %d times, want 1", e.sources[0].runs)
		}
		e.stop()
	})
}

func testEndWaitsForSourceThatEndsSlowly(t *testing.T) {
	t.Parallel()
	in(t, 1, 1, func(t *testing.T, e *env) {
		e.sources[0].mu.Lock()
		e.sources[0].slow = time.Minute
		e.sources[0].mu.Unlock()
		e.target.latency = time.Second
		e.sources[0].emitLevel(5)
		synctest.Wait()
		began := time.Now()
		var reported sync.WaitGroup
		reported.Go(func() { // The result of the write does not wait for the source.
			pass(2 * time.Second)
			if writes := e.journal.ended(); len(writes) != 1 || writes[0].Err != nil {
				t.Errorf("after two seconds the writes %v have ended, want one", writes)
			}
		})
		e.stop()
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the autoscaler ended after %v, want a minute", took)
		}
		reported.Wait()
		e.stop = func() scalers.Memory { return scalers.Memory{} }
	})
}

func testWhatArrivesAtStartLeadsToOneStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 1)
		p := &passive{level: 1}
		e.open = func(int) (triggers.Source, error) { return p, nil }
		e.start(scalers.Memory{})
		if n := e.journal.stepCount(); n > 2 {
			t.Errorf("got %d steps at the start, want at most 2: one for the source, and one for the target", n)
		}
		e.stop()
	})
}
