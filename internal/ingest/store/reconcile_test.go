package store

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestReconcile(t *testing.T) {
	t.Run("a reconcile recovers every lost record", testReconcileRecoversEveryLostRecord)
	t.Run("a delivery that is newer than the reconciled view stands", testDeliveryThatIsNewerThanReconciledViewStands)
	t.Run("a reconciled alert is the same when it is delivered", testReconciledAlertIsSameWhenItIsDelivered)
	t.Run("a reconcile renews the ttl", testReconcileRenewsTTL)
}

// listed returns an alert as an Alertmanager lists it.
func listed(name string, since time.Time) triggers.Alert {
	return triggers.Alert{Labels: map[string]string{"alertname": name}, StartsAt: since}
}

func reconcile(t *testing.T, s *Store, v triggers.AlertView) {
	t.Helper()
	if v.At.IsZero() {
		v.At = time.Now()
	}
	if err := s.Reconcile(t.Context(), queryFor("slow"), v); err != nil {
		t.Fatal(err)
	}
}

func testReconcileRecoversEveryLostRecord(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fires := triggers.AlertView{Firing: []triggers.Alert{listed("slow", began)}, Complete: true}
	cases := map[string]struct {
		before func(t *testing.T, s *Store)
		view   triggers.AlertView
		want   string
	}{
		"a firing that never came":         {func(*testing.T, *Store) {}, fires, "1"},
		"one that came":                    {func(t *testing.T, s *Store) { send(t, s, firing("slow", began)) }, fires, "1"},
		"a resolve that never came":        {func(t *testing.T, s *Store) { send(t, s, firing("slow", began)) }, triggers.AlertView{Complete: true}, "0"},
		"a resolve that was wrong":         {func(t *testing.T, s *Store) { send(t, s, resolved("slow", began, began)) }, fires, "1"},
		"a late firing that fires":         {lateFiring(began), fires, "1"},
		"a late firing that does not":      {lateFiring(began), triggers.AlertView{Complete: true}, "0"},
		"not all have answered: no end":    {func(t *testing.T, s *Store) { send(t, s, firing("slow", began)) }, triggers.AlertView{Err: errors.New("away")}, "1"},
		"not all have answered: it begins": {func(*testing.T, *Store) {}, triggers.AlertView{Firing: fires.Firing, Err: errors.New("away")}, "1"},
		"silenced: no end": {
			func(t *testing.T, s *Store) { send(t, s, firing("slow", began)) },
			triggers.AlertView{Suppressed: []triggers.Alert{listed("slow", began)}, Complete: true},
			"1",
		},
		"silenced: no beginning":  {func(*testing.T, *Store) {}, triggers.AlertView{Suppressed: []triggers.Alert{listed("slow", began)}, Complete: true}, "0"},
		"what it does not select": {func(*testing.T, *Store) {}, triggers.AlertView{Firing: []triggers.Alert{listed("fast", began)}, Complete: true}, "0"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &memory{}
				s := run(t, m)
				w := watch(t, s, "slow")
				c.before(t, s)
				<-time.After(time.Second)
				reconcile(t, s, c.view)
				<-time.After(5 * time.Minute)
				if got := w.last(); got != c.want {
					t.Errorf("%s fire, want %s", got, c.want)
				}
				if got := watch(t, run(t, m.copy()), "slow").last(); got != c.want {
					t.Errorf("after a crash %s fire, want %s", got, c.want)
				}
			})
		})
	}
}

// lateFiring resolves an alert, and lets it fire again at once.
func lateFiring(began time.Time) func(*testing.T, *Store) {
	return func(t *testing.T, s *Store) {
		t.Helper()
		send(t, s, firing("slow", began), resolved("slow", began, began), firing("slow", began))
	}
}

func testDeliveryThatIsNewerThanReconciledViewStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		queried := time.Now()
		<-time.After(time.Second)
		send(t, s, firing("slow", queried))
		reconcile(t, s, triggers.AlertView{At: queried, Complete: true})
		w.expect(t, "0", "1")
		send(t, s, resolved("slow", queried, time.Now()))
		reconcile(t, s, triggers.AlertView{At: queried, Firing: []triggers.Alert{listed("slow", queried)}, Complete: true})
		w.expect(t, "0", "1", "0")
	})
}

func testReconciledAlertIsSameWhenItIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watch(t, s, "slow")
		began := time.Now()
		reconcile(t, s, triggers.AlertView{Firing: []triggers.Alert{listed("slow", began)}, Complete: true})
		<-time.After(time.Second)
		before := m.copy()
		send(t, s, firing("slow", began))
		if w.last() != "1" {
			t.Errorf("after a reconcile and a delivery %s fire, want 1", w.last())
		}
		// A crash between two writes would leave the alert twice, or not at all.
		if after := m.copy(); len(before.shards) != 1 || len(after.shards) != 1 || m.saves != 2 {
			t.Errorf("got %d shards after the reconcile, and %d after the delivery and %d writes, want 1, 1 and 2", len(before.shards), len(after.shards), m.saves)
		}
		send(t, s, resolved("slow", began, time.Now()))
		if w.last() != "0" {
			t.Errorf("after the resolve %s fire, want 0", w.last())
		}
	})
}

func testReconcileRenewsTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watchQuery(t, s, withTTL("slow", time.Minute))
		view := triggers.AlertView{Firing: []triggers.Alert{listed("slow", time.Now())}, Complete: true}
		for range 10 {
			reconcile(t, s, view)
			<-time.After(45 * time.Second)
		}
		w.expect(t, "0", "1")
	})
}
