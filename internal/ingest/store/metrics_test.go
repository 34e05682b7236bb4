package store

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	t.Run("only the leader exports the number of records", testOnlyLeaderExportsNumberOfRecords)
}

func testOnlyLeaderExportsNumberOfRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := func(s *Store) int { return testutil.CollectAndCount(s, "impulse_alerts") }
		if n := kept(New(&memory{}, time.Now)); n != 0 {
			t.Errorf("a store that never ran exports impulse_alerts %d times, want 0", n)
		}
		s, stop := begin(t, &memory{})
		if n := kept(s); n != 3 {
			t.Errorf("the leader exports impulse_alerts %d times, want 3, one for each state", n)
		}
		stop()
		if n := kept(s); n != 0 {
			t.Errorf("the former leader exports impulse_alerts %d times, want 0", n)
		}
		if n := testutil.CollectAndCount(s, "impulse_deliveries_refused_total"); n != 1 {
			t.Errorf("a counter is exported %d times, want 1", n)
		}
	})
}
