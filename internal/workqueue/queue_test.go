package workqueue_test

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	t.Run("items run in the order in which they were woken", testItemsRunInOrder)
	t.Run("an item that is woken while it runs, runs once more", testItemWokenWhileItRunsRunsOnceMore)
	t.Run("no more items run at the same time than the limit", testNoMoreItemsRunThanLimit)
	t.Run("a deadline can move earlier, later and away", testDeadlineCanMove)
	t.Run("a deadline beyond all time never comes", testDeadlineBeyondAllTimeNeverComes)
	t.Run("Stop waits for the run in progress, and is the last", testStopWaitsForRunInProgress)
	t.Run("without a queue, an item has its own", testWithoutQueueItemHasItsOwn)
	t.Run("nothing is lost and nothing runs twice at once while others wake and stop items", testNothingIsLost)
}

func testItemsRunInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := workqueue.New(1)
		var ran []int
		items := make([]*workqueue.Item, 5)
		for i := range items {
			items[i] = q.NewItem(func() { ran = append(ran, i) })
		}
		first := q.NewItem(func() {
			for _, i := range []int{3, 1, 4, 3, 0, 1} {
				items[i].Wake()
			}
		})
		first.Wake()
		synctest.Wait()
		if want := []int{3, 1, 4, 0}; !slices.Equal(ran, want) {
			t.Errorf("the items ran in the order %v, want %v", ran, want)
		}
	})
}

func testItemWokenWhileItRunsRunsOnceMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		var item *workqueue.Item
		item = workqueue.New(4).NewItem(func() {
			if runs++; runs == 1 {
				item.Wake()
				item.Wake()
			}
		})
		item.Wake()
		synctest.Wait()
		if runs != 2 {
			t.Errorf("it ran %d times, want 2", runs)
		}
	})
}

func testNoMoreItemsRunThanLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 3
		q, release := workqueue.New(limit), make(chan struct{})
		var running, ran atomic.Int32
		for range 10 {
			q.NewItem(func() {
				running.Add(1)
				<-release
				running.Add(-1)
				ran.Add(1)
			}).Wake()
		}
		synctest.Wait()
		if n := running.Load(); n != limit {
			t.Errorf("%d items run, want %d", n, limit)
		}
		close(release)
		synctest.Wait()
		if n := ran.Load(); n != 10 {
			t.Errorf("%d items ran, want 10", n)
		}
	})
}

func testDeadlineCanMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, began := workqueue.New(1), time.Now()
		var ran []time.Duration
		item := q.NewItem(func() { ran = append(ran, time.Since(began)) })
		other := q.NewItem(func() {})
		other.WakeAfter(90 * time.Second)
		item.WakeAfter(time.Minute)
		item.WakeAfter(10 * time.Second) // Earlier.
		pass(15 * time.Second)
		item.WakeAfter(10 * time.Second)
		item.WakeAfter(time.Minute) // Later.
		item.Wake()                 // Does not change the deadline.
		pass(70 * time.Second)
		item.WakeAfter(time.Second)
		item.ClearDeadline() // Away.
		item.ClearDeadline()
		pass(time.Hour)
		item.WakeAfter(0)
		synctest.Wait()
		want := []time.Duration{10 * time.Second, 15 * time.Second, 75 * time.Second, 85*time.Second + time.Hour}
		if !slices.Equal(ran, want) {
			t.Errorf("the item ran at %v, want %v", ran, want)
		}
	})
}

func testDeadlineBeyondAllTimeNeverComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, runs := workqueue.New(1), 0
		item := q.NewItem(func() { runs++ })
		pass(time.Second)
		item.WakeAfter(1<<63 - 1)
		pass(24 * time.Hour)
		item.Stop()
		if runs != 0 {
			t.Errorf("it ran %d times, want 0", runs)
		}
	})
}

func testStopWaitsForRunInProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, release, runs := workqueue.New(2), make(chan struct{}), 0
		item := q.NewItem(func() {
			runs++
			<-release
		})
		item.Wake()
		synctest.Wait()
		item.Wake()
		item.WakeAfter(time.Second)
		var stopped atomic.Int32
		for range 2 {
			go func() {
				item.Stop()
				stopped.Add(1)
			}()
		}
		synctest.Wait()
		if n := stopped.Load(); n != 0 {
			t.Errorf("%d calls of Stop returned while the item ran", n)
		}
		close(release)
		synctest.Wait()
		item.Wake()
		item.WakeAfter(time.Second)
		item.Stop()
		pass(time.Minute)
		if n := stopped.Load(); n != 2 || runs != 1 {
			t.Errorf("%d calls of Stop returned, and the item ran %d times, want 2 and 1", n, runs)
		}
	})
}

func testWithoutQueueItemHasItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var q *workqueue.Queue
		runs := 0
		item := q.NewItem(func() { runs++ })
		item.Wake()
		synctest.Wait()
		item.WakeAfter(time.Second)
		pass(2 * time.Second)
		item.Stop()
		if runs != 2 {
			t.Errorf("it ran %d times, want 2", runs)
		}
	})
}

// pass waits until the time d has passed, and everything that is due has run. It must be called in a bubble of synctest.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// subject is an item that remembers the newest request that it has seen. A wake that is lost leaves one behind.
type subject struct {
	item             *workqueue.Item
	requested, seen  atomic.Int64
	running, stopped atomic.Bool
}

func newSubject(t *testing.T, q *workqueue.Queue) *subject {
	s := &subject{}
	s.item = q.NewItem(func() {
		if s.running.Swap(true) {
			t.Error("an item runs twice at the same time")
		}
		if s.stopped.Load() {
			t.Error("an item runs after Stop")
		}
		s.seen.Store(s.requested.Load())
		runtime.Gosched()
		s.running.Store(false)
	})
	return s
}

// stop stops the item as soon as it has seen a request.
func (s *subject) stop() {
	for s.seen.Load() == 0 {
		runtime.Gosched()
	}
	s.item.Stop()
	s.stopped.Store(true)
}

func testNothingIsLost(t *testing.T) {
	t.Parallel()
	q, subjects := workqueue.New(4), make([]*subject, 50)
	for i := range subjects {
		subjects[i] = newSubject(t, q)
	}
	var calls sync.WaitGroup
	for w := range 8 {
		calls.Go(func() {
			for n := range 5000 {
				s := subjects[(n*7+w*13)%len(subjects)]
				s.requested.Add(1)
				if n%3 == 0 {
					s.item.WakeAfter(time.Duration(n%5) * 10 * time.Microsecond)
				}
				s.item.Wake()
			}
		})
	}
	for _, s := range subjects[40:] {
		calls.Go(s.stop)
	}
	calls.Wait()
	for _, s := range subjects[:40] {
		for s.seen.Load() != s.requested.Load() { // A wake that is lost makes this test time out.
			runtime.Gosched()
		}
		s.item.Stop()
	}
}
