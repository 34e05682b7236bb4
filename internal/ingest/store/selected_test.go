package store

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestSelected(t *testing.T) {
	t.Run("the alerts of a watcher are returned with their states, the newest first", testAlertsOfWatcherAreReturnedWithTheirStates)
	t.Run("a query without a watcher selects nothing", testQueryWithoutWatcherSelectsNothing)
}

func testAlertsOfWatcherAreReturnedWithTheirStates(t *testing.T) {
	for what, equal := range map[string]map[string]string{"by a label": {"alertname": "slow"}, "by any label": nil} {
		synctest.Test(t, func(t *testing.T) {
			s := run(t, &memory{})
			q := queryFor("slow")
			q.SelectedBy, q.Text, q.Equal = "shop/web", `{alertname="slow"}`, equal
			watchQuery(t, s, q)
			other := q
			other.SelectedBy, other.Match = "shop/other", func(map[string]string) bool { return false }
			watchQuery(t, s, other)
			began := time.Now()
			with := func(pod string, since time.Time) Alert {
				a := firing("slow", since)
				a.Labels = map[string]string{"alertname": "slow", "pod": pod}
				return a
			}
			gone := with("gone", began)
			gone.Firing, gone.EndsAt = false, began.Add(time.Second)
			send(t, s, with("old", began.Add(-time.Hour)), with("new", began), gone, firing("fast", began))
			some, total := s.Selected(&q, 10)
			if total != 2 || len(some) != 2 || some[0].Labels["pod"] != "new" || some[1].Labels["pod"] != "old" || !some[0].State.Counts {
				t.Errorf("%s: got %d, %+v, want new and old", what, total, some)
			}
			if some, total := s.Selected(&q, 1); total != 2 || len(some) != 1 || some[0].Labels["pod"] != "new" {
				t.Errorf("%s: got %d, %+v, want 2, of which new is returned", what, total, some)
			}
			if some, total := s.Selected(&other, 10); total != 0 || len(some) != 0 {
				t.Errorf("%s: got %d, %+v for another watcher, want none", what, total, some)
			}
		})
	}
}

func testQueryWithoutWatcherSelectsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		send(t, s, firing("slow", time.Now()))
		for _, q := range []triggers.AlertQuery{queryFor("slow"), {Namespace: "nowhere"}} {
			if some, total := s.Selected(&q, 10); total != 0 || len(some) != 0 {
				t.Errorf("got %d, %+v, want none", total, some)
			}
		}
	})
}
