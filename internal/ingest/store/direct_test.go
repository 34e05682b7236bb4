package store

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestDirect(t *testing.T) {
	t.Run("a level counts until its ttl has passed", testLevelCountsUntilItsTTLHasPassed)
	t.Run("a level without a ttl stands until it is replaced or ended", testLevelWithoutTTLStandsUntilItIsReplacedOrEnded)
	t.Run("an ended level is remembered longer than any endpoint would accept it as new", testEndedLevelIsRememberedLongerThanAnyEndpointWouldAcceptItAsNew)
	t.Run("a ttl that expired while the process was down is granted once more", testTTLThatExpiredWhileProcessWasDownIsGrantedOnceMore)
	t.Run("trigger endpoints and alerts are separate", testTriggerEndpointsAndAlertsAreSeparate)
	t.Run("a trigger endpoint is bounded, and accepts repeats when it is full", testTriggerEndpointIsBoundedAndAcceptsRepeatsWhenItIsFull)
}

var till = Endpoint{Namespace: "shop", Object: "till", Trigger: "queue"}

// level returns a pushed level.
func level(key, value string, at time.Time, ttl time.Duration) Alert {
	n, _ := scalers.ParseMilli(value)
	a := Alert{Level: NewLevel(key, n), Firing: true, StartsAt: at}
	if ttl > 0 {
		a.Until = time.Now().Add(ttl)
	}
	return a
}

func push(t *testing.T, s *Store, levels ...Alert) {
	t.Helper()
	if _, err := s.Record(t.Context(), Delivery{Endpoint: till, Alerts: levels, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// watchTill watches the levels of the endpoint till.
func watchTill(t *testing.T, s *Store) *watchRecord {
	t.Helper()
	return watchQuery(t, s, triggers.AlertQuery{Namespace: "shop", Object: "till", Trigger: "queue"})
}

func testLevelCountsUntilItsTTLHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watchTill(t, s)
		began := time.Now()
		push(t, s, level("", "4", began, time.Minute))
		<-time.After(30 * time.Second)
		push(t, s, level("", "4", time.Now(), time.Minute))
		<-time.After(time.Minute - time.Microsecond)
		if w.last() != "1" {
			t.Errorf("within its ttl %s levels count, want 1", w.last())
		}
		<-time.After(time.Microsecond)
		if w.last() != "0" || len(s.index.records) != 0 {
			t.Errorf("after its ttl %s levels count, and %d are stored; want 0", w.last(), len(s.index.records))
		}
	})
}

func testLevelWithoutTTLStandsUntilItIsReplacedOrEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watchTill(t, s)
		began := time.Now()
		push(t, s, level("", "4", began, 0))
		<-time.After(100 * defaultTTL)
		w.expect(t, "0", "1")
		push(t, s, level("", "5", began.Add(-time.Second), 0)) // Older than the stored level.
		push(t, s, level("", "4", began, 0))                   // The same again.
		w.expect(t, "0", "1")
		push(t, s, level("", "5", began.Add(time.Second), 0))
		w.expect(t, "0", "1", "1")
		if m.writes() != 2 {
			t.Errorf("%d writes of two levels, an older one and a repeat; want 2", m.writes())
		}
		off := level("", "5", began.Add(2*time.Second), 0)
		off.Firing = false
		push(t, s, off)
		w.expect(t, "0", "1", "1", "0")
		push(t, s, level("", "5", began.Add(time.Second), 0))
		w.expect(t, "0", "1", "1", "0")
	})
}

// SNS repeats for an hour and five minutes, by a clock that is a quarter of an hour ahead.
func testEndedLevelIsRememberedLongerThanAnyEndpointWouldAcceptItAsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watchTill(t, s)
		began := time.Now()
		off := level("", "4", began.Add(time.Second), 0)
		off.Firing = false
		push(t, s, level("", "4", began, 0), off)
		<-time.After(80 * time.Minute)
		push(t, s, level("", "4", began, 0))
		if w.last() != "0" {
			t.Errorf("after a replay of a level that is over %s levels count, want 0", w.last())
		}
	})
}

func testTTLThatExpiredWhileProcessWasDownIsGrantedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		push(t, run(t, m), level("", "4", time.Now(), time.Minute))
		kept := m.copy()
		<-time.After(time.Hour)
		w := watchTill(t, run(t, kept))
		w.expect(t, "1 stale")
		<-time.After(time.Minute)
		w.expect(t, "1 stale", "0")
	})
}

func testTriggerEndpointsAndAlertsAreSeparate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		everything := watchQuery(t, s, triggers.AlertQuery{Namespace: "shop", Match: func(map[string]string) bool { return true }})
		other := watchQuery(t, s, triggers.AlertQuery{Namespace: "shop", Object: "till", Trigger: "other"})
		w := watchTill(t, s)
		push(t, s, level("a", "1", time.Now(), 0), level("b", "1", time.Now(), 0))
		everything.expect(t, "0")
		other.expect(t, "0")
		w.expect(t, "0", "2")
		send(t, s, Alert{Labels: map[string]string{"key": "c"}, Firing: true, StartsAt: time.Now()})
		everything.expect(t, "0", "1")
		w.expect(t, "0", "2")
	})
}

func testTriggerEndpointIsBoundedAndAcceptsRepeatsWhenItIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		var all []Alert
		for i := range MaxPerEndpoint {
			all = append(all, level(strconv.Itoa(i), "1", time.Now(), 0))
		}
		push(t, s, all...)
		push(t, s, all...)
		_, err := s.Record(t.Context(), Delivery{Endpoint: till, Alerts: []Alert{level("more", "1", time.Now(), 0)}, At: time.Now()})
		if !errors.Is(err, ErrFull) {
			t.Errorf("answered %v", err)
		}
	})
}
