package credentials

import "testing"

func TestChanges(t *testing.T) {
	t.Run("a watcher is called after each change until it is stopped", testWatcherIsCalledAfterEachChange)
	t.Run("a change that nobody watched is reported to the next watcher", testMissedChangeIsReportedToNextWatcher)
}

func testWatcherIsCalledAfterEachChange(t *testing.T) {
	c, calls := &changes{}, [2]int{}
	first, second := c.watch(func() { calls[0]++ }), c.watch(func() { calls[1]++ })
	c.Notify()
	c.Notify()
	first()
	c.Notify()
	second()
	if calls != [2]int{2, 3} {
		t.Errorf("got %v calls, want 2 and 3", calls)
	}
}

func testMissedChangeIsReportedToNextWatcher(t *testing.T) {
	c, calls := &changes{}, 0
	count := func() { calls++ }
	c.Notify()
	c.Notify()
	c.watch(count)()
	if calls != 1 {
		t.Errorf("after two changes without a watcher: got %d calls, want 1", calls)
	}
	c.watch(count)()
	if calls != 1 {
		t.Errorf("without a further change: got %d calls, want 1", calls)
	}
}
