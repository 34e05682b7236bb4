package store

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSelectors(t *testing.T) {
	t.Run("an alert is counted with the objects that select it", testAlertIsCountedWithObjectsThatSelectIt)
	t.Run("unselected alerts of the first moments are logged once the objects are loaded", testUnselectedAlertsOfFirstMomentsAreLoggedOnceObjectsAreLoaded)
}

// watchFor watches the alerts with a name for an object.
func watchFor(t *testing.T, s *Store, object, name string) {
	t.Helper()
	q := queryFor(name)
	q.SelectedBy = object
	watchQuery(t, s, q)
}

func testAlertIsCountedWithObjectsThatSelectIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		delivery := Delivery{Endpoint: shop, Alerts: []Alert{firing("Slow", time.Now())}, CountObjects: true}
		record := func(d Delivery) Result {
			t.Helper()
			d.At = time.Now()
			r, err := s.Record(t.Context(), d)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := record(delivery); r.Objects != nil || r.Unselected != 0 || r.Listening {
			t.Errorf("before the objects are read the result is %+v, want no Objects, nothing unselected, not listening", r)
		}
		<-time.After(selectorsTimeout)
		synctest.Wait()
		if r := record(delivery); r.Objects == nil || *r.Objects != 0 || r.Unselected != 1 || r.Example != "Slow" || r.Listening {
			t.Errorf("without an object that selects alerts the result is %+v, want 0 Objects, 1 unselected, not listening", r)
		}
		watchFor(t, s, "shop/web", "Fast")
		if r := record(delivery); *r.Objects != 0 || r.Unselected != 1 || !r.Listening {
			t.Errorf("with an object that selects another alert the result is %+v, want 0 Objects, 1 unselected, listening", r)
		}
		watchFor(t, s, "shop/web", "Slow")
		watchFor(t, s, "shop/web", "Slow")
		watchFor(t, s, "shop/api", "Slow")
		if r := record(delivery); *r.Objects != 2 || r.Unselected != 0 || r.Selected != 1 {
			t.Errorf("with two objects, one of which selects it twice, the result is %+v, want 2 Objects, 1 selected", r)
		}
		delivery.CountObjects = false
		if r := record(delivery); r.Objects != nil {
			t.Errorf("without CountObjects the result is %+v, want no Objects", r)
		}
		delivery.CountObjects, delivery.Alerts = true, append(delivery.Alerts, firing("Fast", time.Now()))
		if r := record(delivery); r.Objects != nil || r.Selected != 2 {
			t.Errorf("of two alerts the result is %+v, want no Objects, 2 selected", r)
		}
	})
}

func testUnselectedAlertsOfFirstMomentsAreLoggedOnceObjectsAreLoaded(t *testing.T) {
	for want, selected := range map[string][]string{
		`msg="alerts are recorded that no object selects: impulse alerts lists them" alerts=1 namespace=shop alertname=Slow`: {"Fast"},
		"": {"Fast", "Slow"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			s := New(&memory{}, time.Now)
			s.SetLogger(slog.New(slog.NewTextHandler(&log, nil)))
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = s.Run(ctx) })
			synctest.Wait()
			for _, name := range selected {
				watchFor(t, s, "shop/web", name)
			}
			if _, err := s.Record(t.Context(), Delivery{Endpoint: shop, Alerts: []Alert{firing("Fast", time.Now()), firing("Slow", time.Now())}, At: time.Now()}); err != nil {
				t.Fatal(err)
			}
			<-time.After(2 * selectorsTimeout)
			cancel()
			running.Wait()
			if got := log.String(); want == "" && got != "" || strings.Count(got, "\n") > 1 || !strings.Contains(got, want) {
				t.Errorf("logged %q, want %q", got, want)
			}
		})
	}
}
