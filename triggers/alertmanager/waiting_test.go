package alertmanager

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestWaiting(t *testing.T) {
	t.Run("a waiting alert is foreseen and does not count yet", testWaitingAlertIsForeseenAndDoesNotCountYet)
	t.Run("a level that would be unknown is not foreseen", testLevelThatWouldBeUnknownIsNotForeseen)
}

func testWaitingAlertIsForeseenAndDoesNotCountYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h := runSource(t, b, map[string]string{"threshold": "1"})
		soon, late, at := firingSince(time.Hour), firingSince(time.Hour), time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
		soon.CountsFrom, late.CountsFrom = at, at.Add(time.Second)
		b.set(nil, firingSince(0), late, soon)
		h.expect(t, "0", "1")
		e := h.newest()
		if want := (scalers.Foreseen{At: scalers.InstantOf(at), Value: 2000}); e.Foreseen != want {
			t.Errorf("%+v is foreseen, want %+v", e.Foreseen, want)
		}
		if want := (scalers.Notice{
			Reason: "AlertWaits",
			Text:   "alert Slow fires again after its resolve: it counts from 2026-01-02T03:04:05.6Z on unless it resolves once more (lateWindow), and 1 more wait",
		}); e.Notice != want {
			t.Errorf("the notice is %+v, want %+v", e.Notice, want)
		}
		soon.CountsFrom = at.Add(time.Minute)
		b.set(nil, firingSince(0), soon) // It waits anew: the level is the same, and what is foreseen is not.
		h.expect(t, "0", "1", "1")
		b.set(nil, firingSince(0), firingSince(0))
		h.expect(t, "0", "1", "1", "2")
		if e := h.newest(); e.Foreseen != (scalers.Foreseen{}) || e.Notice != (scalers.Notice{}) {
			t.Errorf("when no alert waits any longer Foreseen is %+v and Notice %+v, want none", e.Foreseen, e.Notice)
		}
	})
}

func testLevelThatWouldBeUnknownIsNotForeseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &fakeAlerts{}
		h := runSource(t, b, map[string]string{"threshold": "1", "value": "annotation:value"})
		waits := firingSince(0)
		waits.CountsFrom = time.Now().Add(time.Minute)
		b.set(nil, waits)
		h.expect(t, "0", "0")
		if e := h.newest(); e.Foreseen != (scalers.Foreseen{}) || e.Notice.Reason != "AlertWaits" {
			t.Errorf("of a level that would be unknown Foreseen is %+v and Notice %+v, want none and AlertWaits", e.Foreseen, e.Notice)
		}
	})
}
