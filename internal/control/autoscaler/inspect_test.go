package autoscaler

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestInspect(t *testing.T) {
	t.Parallel()
	t.Run("it shows the present state, while decisions go on", testItShowsPresentStateWhileDecisionsGoOn)
	t.Run("an autoscaler that has not begun shows nothing", testAutoscalerThatHasNotBegunShowsNothing)
	t.Run("readings wait until the next step", testReadingsWaitUntilNextStep)
}

// The race detector finds out whether the readers disturb the goroutine of the autoscaler.
func testItShowsPresentStateWhileDecisionsGoOn(t *testing.T) {
	t.Parallel()
	in(t, 2, 1, func(t *testing.T, e *env) {
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for range 100 {
					e.autoscaler.Inspect(func(o *Outcome) {
						if o.Decided && o.Decision.Replicas > 10 || len(o.Events) != 2 || o.Fresh || o.Write != nil {
							t.Errorf("got the outcome %+v", o)
						}
					})
					<-time.After(7 * time.Millisecond)
				}
			})
		}
		for level := range int64(100) {
			e.sources[level%2].emitLevel(1 + level%20)
			<-time.After(5 * time.Millisecond)
		}
		readers.Wait()
		e.sources[0].emitLevel(4)
		e.sources[1].emitLevel(2)
		pass(time.Second) // The rate of writes is limited.
		e.want(4)
		e.autoscaler.Inspect(func(o *Outcome) {
			if !o.Decided || !o.TargetKnown || o.Decision.Replicas != 4 || o.Target.Scale.Replicas != 4 || o.Events[1].Value != 2000 || o.Workload != e.workload {
				t.Errorf("got the outcome %+v, want 4 replicas", o)
			}
		})
	})
}

func testAutoscalerThatHasNotBegunShowsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 1, 1)
		New(Options{Workload: e.workload, Now: NewClock()}).Inspect(func(o *Outcome) { t.Errorf("got the outcome %+v", o) })
	})
}

func testReadingsWaitUntilNextStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, 3, 1)
		a := New(Options{Workload: e.workload, Now: NewClock()})
		for _, i := range []int{0, 2, 2} {
			a.inbox.putReading(i, scalers.Event{})
		}
		if n := a.Waiting(); n != 2 {
			t.Errorf("%d readings wait, want one of each of 2 triggers", n)
		}
	})
}
