package store

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestTrace(t *testing.T) {
	t.Run("a watcher gets the trace of the delivery that changes its alerts, and none with other changes", testWatcherGetsTraceOfDelivery)
}

func testWatcherGetsTraceOfDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		slow, fast := watchQuery(t, s, withTTL("Slow", time.Minute)), watch(t, s, "Fast")
		began := time.Now()
		for n, a := range []Alert{firing("Slow", began), firing("Fast", began), firing("Fast", began), resolved("Fast", began, began.Add(time.Second))} {
			d := Delivery{Endpoint: shop, Alerts: []Alert{a}, At: time.Now(), Trace: scalers.Trace{ID: [16]byte{byte(n + 1)}}}
			if _, err := s.Record(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(3 * time.Minute) // The alert becomes stale, and ends.
		synctest.Wait()
		for name, c := range map[string]struct {
			of   *watchRecord
			want []byte
		}{"Slow": {slow, []byte{0, 1, 0, 0}}, "Fast": {fast, []byte{0, 2, 4}}} {
			var got []byte
			for _, trace := range c.of.traces {
				got = append(got, trace.ID[0])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: got the traces %v with the sets %v, want %v", name, got, c.of.received, c.want)
			}
		}
	})
}
