package workqueue_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
)

// TestCost counts goroutines and allocations of the process, so it does not run in parallel with other tests.
func TestCost(t *testing.T) {
	t.Run("a queue at rest has no goroutine, however many deadlines it has", testQueueAtRestHasNoGoroutine)
	t.Run("a wake and a deadline allocate nothing", testWakeAndDeadlineAllocateNothing)
}

func testQueueAtRestHasNoGoroutine(*testing.T) {
	q, before := workqueue.New(4), runtime.NumGoroutine()
	var ran sync.WaitGroup
	items := make([]*workqueue.Item, 10_000)
	for i := range items {
		ran.Add(1)
		items[i] = q.NewItem(ran.Done)
		items[i].Wake()
		items[i].WakeAfter(time.Hour)
	}
	ran.Wait()
	for runtime.NumGoroutine() > before { // The workers end when they have found nothing more.
		runtime.Gosched()
	}
	for _, item := range items {
		item.Stop()
	}
}

func testWakeAndDeadlineAllocateNothing(t *testing.T) {
	q, ran := workqueue.New(1), make(chan struct{})
	item := q.NewItem(func() { ran <- struct{}{} })
	other := q.NewItem(func() {})
	other.WakeAfter(time.Hour)
	if n := testing.AllocsPerRun(1000, func() {
		item.WakeAfter(time.Minute)
		item.WakeAfter(2 * time.Hour)
		item.Wake()
		<-ran
	}); n != 0 {
		t.Errorf("a wake allocates %v times, want 0", n)
	}
	item.Stop()
	other.Stop()
}
