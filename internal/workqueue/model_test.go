package workqueue_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/internal/workqueue"
)

func TestModel(t *testing.T) {
	t.Parallel()
	t.Run("a random sequence of calls leads to the same runs as in the model", testRandomSequenceLeadsToSameRuns)
}

func testRandomSequenceLeadsToSameRuns(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		calls := make([]byte, 400)
		for i := range calls {
			calls[i] = byte(random.UintN(256))
		}
		compare(t, calls)
	}
}

func FuzzQueue(f *testing.F) {
	f.Add([]byte{1, 0, 0, 1, 1, 9, 4, 0, 0})
	f.Fuzz(func(t *testing.T, calls []byte) { compare(t, calls) })
}

// modelItem is what an item should do: all that is known about it without a queue.
type modelItem struct {
	runs     []time.Duration
	deadline time.Duration // 0: none.
	stopped  bool
}

// runAt makes the item run, unless it is stopped.
func (m *modelItem) runAt(now time.Duration) {
	if !m.stopped {
		m.runs = append(m.runs, now)
	}
}

// compare makes the calls, three bytes for each, on items and on their models. It fails unless both run at the same times.
func compare(t *testing.T, calls []byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began, q := time.Now(), workqueue.New(2)
		var items [4]*workqueue.Item
		var ran [4][]time.Duration
		var models [4]modelItem
		var mu sync.Mutex // The race detector does not know that synctest.Wait waits for timers.
		for i := range items {
			items[i] = q.NewItem(func() {
				mu.Lock()
				defer mu.Unlock()
				ran[i] = append(ran[i], time.Since(began))
			})
		}
		for c := range slices.Chunk(calls, 3) {
			if len(c) < 3 {
				break
			}
			i, d := int(c[1])%len(items), time.Duration(c[2])*time.Second
			call(items[i], &models[i], c[0], d, time.Since(began))
			synctest.Wait()
			if c[0]%3 == 0 {
				pass(d)
			}
			mu.Lock()
			for i := range models {
				models[i].advance(time.Since(began))
				if !slices.Equal(ran[i], models[i].runs) {
					t.Fatalf("after %v, item %d ran at %v, and its model at %v", c, i, ran[i], models[i].runs)
				}
			}
			mu.Unlock()
		}
		for _, item := range items {
			item.Stop()
		}
	})
}

// call makes one call on an item and on its model.
func call(item *workqueue.Item, m *modelItem, which byte, d, now time.Duration) {
	switch which % 8 {
	case 0, 1:
		item.Wake()
		m.runAt(now)
	case 2, 3, 4, 5:
		item.WakeAfter(d)
		m.deadline = 0
		if d == 0 {
			m.runAt(now)
		} else {
			m.deadline = now + d
		}
	case 6:
		item.ClearDeadline()
		m.deadline = 0
	case 7:
		if d > 200*time.Second { // Few items are stopped.
			item.Stop()
			m.stopped = true
		}
	}
}

// advance lets the deadline pass if it is due.
func (m *modelItem) advance(now time.Duration) {
	if m.deadline != 0 && m.deadline <= now {
		m.runAt(m.deadline)
		m.deadline = 0
	}
}
