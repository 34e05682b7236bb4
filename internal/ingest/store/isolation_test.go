package store

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatAnAlertSaysOfItsNamespaceOpensNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		shops, banks := about("slow"), about("slow")
		banks.Namespace = "bank"
		here, there := watchQuery(t, s, shops), watchQuery(t, s, banks)
		a := firing("slow", time.Now())
		a.Labels["namespace"], a.Labels["scaledobject"] = "bank", "web"
		send(t, s, a)
		here.expect(t, "0", "1")
		there.expect(t, "0")
	})
}

func TestAnotherDoorFeedsNobodyHere(t *testing.T) {
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
