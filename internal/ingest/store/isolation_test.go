package store

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestIsolation(t *testing.T) {
	t.Run("a namespace label of an alert gives access to no other namespace", testNamespaceLabelOfAlertGivesAccessToNoOtherNamespace)
	t.Run("alerts of another receiver reach no watcher here", testAlertsOfAnotherReceiverReachNoWatcherHere)
}

func testNamespaceLabelOfAlertGivesAccessToNoOtherNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		shops, banks := queryFor("slow"), queryFor("slow")
		banks.Namespace = "bank"
		here, there := watchQuery(t, s, shops), watchQuery(t, s, banks)
		a := firing("slow", time.Now())
		a.Labels["namespace"], a.Labels["scaledobject"] = "bank", "web"
		send(t, s, a)
		here.expect(t, "0", "1")
		there.expect(t, "0")
	})
}

func testAlertsOfAnotherReceiverReachNoWatcherHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		for _, d := range []Endpoint{{Namespace: "bank"}, {}} {
			if _, err := s.Record(t.Context(), Delivery{Endpoint: d, Alerts: []Alert{firing("slow", time.Now())}, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		w.expect(t, "0")
	})
}
