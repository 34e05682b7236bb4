package alertmanager

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestExpired(t *testing.T) {
	t.Run("an expired alert is reported until it fires again", testExpiredAlertIsReportedUntilItFiresAgain)
	t.Run("a stale alert that is resolved or repeated has not expired", testStaleAlertThatIsResolvedOrRepeatedHasNotExpired)
	t.Run("the end of a stale alert is foreseen", testEndOfStaleAlertIsForeseen)
	t.Run("the ttl is not named for an alert that expired sooner", testTTLIsNotNamedForAlertThatExpiredSooner)
}

// staleAlert returns a stale alert: it was not repeated within its ttl, and ends one ttl later.
func staleAlert(ttl time.Duration) triggers.Alert {
	a := firingSince(time.Hour)
	a.Stale, a.LastSeen, a.ExpiresAt = true, time.Now().Add(-ttl), time.Now().Add(ttl)
	return a
}

func testExpiredAlertIsReportedUntilItFiresAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h := runSource(t, b, map[string]string{"replicas": "5", "ttl": "30s"})
		a := staleAlert(30 * time.Second)
		b.set(nil, a)
		<-time.After(30 * time.Second)
		b.set(nil)
		h.expect(t, "0", "5 stale", "0")
		want := "alert Slow was not repeated within its ttl (30s): it has not counted since " + a.ExpiresAt.UTC().Format(time.RFC3339) +
			"; is repeat_interval below the ttl?"
		if got := h.newest().Lapsed; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		other := firingSince(0)
		other.Labels["pod"] = "other"
		b.set(nil, other)
		if got := h.newest().Lapsed; got != want {
			t.Errorf("while another alert fires: got %q, want %q", got, want)
		}
		b.set(nil, firingSince(0))
		h.expect(t, "0", "5 stale", "0", "5", "5")
		if got := h.newest().Lapsed; got != "" {
			t.Errorf("once the alert fires again Lapsed is %q, want none", got)
		}
	})
}

func testStaleAlertThatIsResolvedOrRepeatedHasNotExpired(t *testing.T) {
	for name, then := range map[string][]triggers.Alert{"resolved": nil, "repeated": {alert("Slow", "", "")}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &fakeAlerts{}
				h := runSource(t, b, map[string]string{"replicas": "5", "ttl": "30s"})
				b.set(nil, staleAlert(30*time.Second))
				<-time.After(29 * time.Second)
				b.set(nil, then...)
				synctest.Wait()
				if e := h.newest(); e.Lapsed != "" || e.Stale {
					t.Errorf("Lapsed is %q, Stale %t; want none and false", e.Lapsed, e.Stale)
				}
			})
		})
	}
}

func testEndOfStaleAlertIsForeseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h := runSource(t, b, map[string]string{"threshold": "1", "ttl": "30s"})
		first, waits := staleAlert(30*time.Second), firingSince(time.Hour)
		second := first
		second.ExpiresAt = first.ExpiresAt.Add(time.Second)
		waits.CountsFrom = first.ExpiresAt.Add(time.Minute)
		b.set(nil, second, firingSince(0), first, waits)
		h.expect(t, "0", "3 stale")
		if got, want := h.newest().Foreseen, (scalers.Foreseen{At: scalers.InstantOf(first.ExpiresAt), Value: 2000}); got != want {
			t.Errorf("%+v is foreseen, want %+v", got, want)
		}
	})
}

// An alert that began with a late firing counts for a shorter time than the ttl of the spec.
func testTTLIsNotNamedForAlertThatExpiredSooner(t *testing.T) {
	a := staleAlert(10 * time.Minute)
	c := Config{TTL: time.Hour}
	want := "alert Slow was not repeated within its ttl: it has not counted since " + a.ExpiresAt.UTC().Format(time.RFC3339) + "; is repeat_interval below the ttl?"
	if got := c.expiredText(expiredAlerts{a}); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
