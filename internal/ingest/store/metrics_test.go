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
			t.Errorf("a store that never ran tells %d", n)
		}
		s, stop := begin(t, &memory{})
		if n := kept(s); n != 3 {
			t.Errorf("the leader's tells %d, expected one for each state", n)
		}
		stop()
		if n := kept(s); n != 0 {
			t.Errorf("the former leader's tells %d", n)
		}
		if n := testutil.CollectAndCount(s, "impulse_alerts_refused_total"); n != 1 {
			t.Errorf("what it has counted itself is told %d times", n)
		}
	})
}
