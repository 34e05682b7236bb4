package endpoints

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

func TestReceiver(t *testing.T) {
	t.Run("counts a message once, after its record, whichever way it came", func(t *testing.T) {
		e := begin(t)
		e.push("level", map[string]string{"threshold": "1"})
		e.webhook("hook", map[string]string{"hook": "ci", "threshold": "1"})
		ways := map[string]func() bool{
			"push":    func() bool { code, _ := e.postLevel("level", `{"value": 1}`); return code == 200 },
			"webhook": func() bool { code, _ := e.postHook("ci", `{}`); return code == 200 },
			"nats": func() bool {
				to := triggers.Endpoint{Namespace: "shop", Object: "checkout", Trigger: "level"}
				return e.receiver.Record(t.Context(), to, triggers.Message{At: e.now()}, []triggers.Level{{Value: 1000, On: true}})
			},
		}
		for way, send := range ways {
			e.fails = errors.New("the API server is away")
			if send() || e.counted(way, recorded) != 0 || e.counted(way, unavailable) != 1 {
				t.Errorf("%s without a record: got %v recorded, %v unavailable, want 0 and 1", way, e.counted(way, recorded), e.counted(way, unavailable))
			}
			e.fails = nil
			if !send() || e.counted(way, recorded) != 1 || e.counted(way, unavailable) != 1 {
				t.Errorf("%s with a record: got %v recorded, %v unavailable, want 1 and 1", way, e.counted(way, recorded), e.counted(way, unavailable))
			}
		}
		if got := testutil.ToFloat64(e.receiver.metrics.alerts.WithLabelValues("changed")) + testutil.ToFloat64(e.receiver.metrics.alerts.WithLabelValues("repeated")); got != 3 {
			t.Errorf("got %v levels counted, want 3", got)
		}
	})
	t.Run("counts a change and an invalid alert once, though their delivery comes again", testChangeAndInvalidAlertAreCountedOnce)
	t.Run("records nothing for another namespace than the message is for", func(t *testing.T) {
		e := begin(t)
		d := store.Delivery{Endpoint: store.Endpoint{Namespace: "bank"}, At: time.Now(), Alerts: []store.Alert{{Labels: map[string]string{"alertname": "a"}, Firing: true, StartsAt: time.Now()}}}
		_, err := e.receiver.record(t.Context(), "shop", []store.Delivery{d})
		if err == nil || !strings.Contains(err.Error(), `a delivery for namespace "bank"`) {
			t.Errorf("got error %v, want one that names namespace bank", err)
		}
		if got := testutil.ToFloat64(e.receiver.metrics.alerts.WithLabelValues("changed")); got != 0 {
			t.Errorf("got %v alerts recorded, want 0", got)
		}
	})
}

func testChangeAndInvalidAlertAreCountedOnce(t *testing.T) {
	e := begin(t)
	counts := func() [3]float64 {
		var all [3]float64
		for i, result := range []string{"changed", "repeated", invalid} {
			all[i] = testutil.ToFloat64(e.receiver.metrics.alerts.WithLabelValues(result))
		}
		return all
	}
	body := strings.Replace(alertBody(`,"groupKey":"{}"`, ""), `"alerts":[`, `"alerts":[{"status":"pending"},`, 1)
	deliver := func() error {
		_, err := e.receiver.ReceiveAlerts(t.Context(), &Request{Namespace: "shop", Body: []byte(body), At: e.now()})
		return err
	}
	e.notDurable = errors.New("the API server did not answer in time")
	if err, got, want := deliver(), counts(), [3]float64{1, 0, 0}; !errors.Is(err, ErrUnavailable) || got != want {
		t.Errorf("a delivery that was applied and is not durable: got error %v, and changed, repeated and invalid %v; want %v", err, got, want)
	}
	e.notDurable = nil
	if err, got, want := deliver(), counts(), [3]float64{1, 1, 1}; err != nil || got != want {
		t.Errorf("the same delivery again: got error %v, and changed, repeated and invalid %v; want %v", err, got, want)
	}
}
