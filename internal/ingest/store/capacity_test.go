package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/triggers"
)

func TestCapacity(t *testing.T) {
	t.Run("records beyond the bound are refused", testRecordsBeyondBoundAreRefused)
	t.Run("a full namespace affects no other", testFullNamespaceAffectsNoOther)
	t.Run("stored alerts resolve although there is no room", testStoredAlertsResolveAlthoughThereIsNoRoom)
	t.Run("unselected alerts are dropped first, the most recent last", testUnselectedAlertsAreDroppedFirstMostRecentLast)
	t.Run("when the store is full, the namespace with the most unselected alerts loses them", testWhenStoreIsFullNamespaceWithMostUnselectedAlertsLosesThem)
	t.Run("selected alerts are recorded although the delivery is too large", testSelectedAlertsAreRecordedAlthoughDeliveryIsTooLarge)
	t.Run("an alert that is in a delivery more than once is counted at its largest", testAlertThatIsInDeliveryMoreThanOnceIsCountedAtItsLargest)
	t.Run("resolved alerts of one namespace displace none of another", testResolvedAlertsOfOneNamespaceDisplaceNoneOfAnother)
	t.Run("an unselected alert is stored for five hours", testUnselectedAlertIsStoredForFiveHours)
	t.Run("selected alerts are not dropped before the objects are loaded", testSelectedAlertsAreNotDroppedBeforeObjectsAreLoaded)
	t.Run("a later selector does not treat a dropped alert as ended", testLaterSelectorDoesNotTreatDroppedAlertAsEnded)
}

// runSettled starts a store, and waits until the selectors are known.
func runSettled(t *testing.T, p Persister) *Store {
	t.Helper()
	s := run(t, p)
	<-time.After(selectorsTimeout)
	synctest.Wait()
	return s
}

// allAlerts returns a query for all alerts of a namespace.
func allAlerts(namespace string) triggers.AlertQuery {
	return triggers.AlertQuery{Namespace: namespace, Text: "everything", Match: func(map[string]string) bool { return true }}
}

// numbered returns n firing alerts, numbered from first on.
func numbered(prefix string, first, n int) []Alert {
	all := make([]Alert, n)
	for i := range all {
		all[i] = firing(fmt.Sprint(prefix, first+i), time.Now())
	}
	return all
}

// sendTo delivers alerts of a credential to the receiver of a namespace.
func sendTo(t *testing.T, s *Store, namespace, credential string, alerts ...Alert) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // Of the bubble's time.
	defer cancel()
	_, err := s.Record(ctx, Delivery{Endpoint: Endpoint{Namespace: namespace, Credential: credential}, Alerts: alerts, At: time.Now()})
	return err
}

// isStored reports whether an alert with a name that was sent to shop is stored.
func isStored(s *Store, name string) bool {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.records[key{shop.String(), fingerprint(map[string]string{"alertname": name})}] != nil
}

func testRecordsBeyondBoundAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		watchQuery(t, s, allAlerts("shop"))
		full := numbered("a", 0, MaxFiring/4)
		send(t, s, full...)
		send(t, s, full[:100]...)
		err := sendTo(t, s, "shop", "test", firing("one more", time.Now()))
		if want := "credential test in namespace shop may have 5000 firing alerts"; !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), want) {
			t.Errorf("answered %v, want %s", err, want)
		}
		if full := s.Full(); len(full) != 1 || full[0] != err.Error() {
			t.Errorf("Full() = %q, want %q", full, err.Error())
		}
		expected := "# HELP impulse_deliveries_refused_total Deliveries that were refused, in whole or in part, because the store was full.\n" +
			"# TYPE impulse_deliveries_refused_total counter\nimpulse_deliveries_refused_total 1\n"
		if err := testutil.CollectAndCompare(s, strings.NewReader(expected), "impulse_deliveries_refused_total"); err != nil {
			t.Error(err)
		}
		if err := sendTo(t, s, "shop", "another", firing("one more", time.Now())); err != nil {
			t.Errorf("another credential is answered %v", err)
		}
		<-time.After(fullFor + time.Second)
		if full := s.Full(); len(full) != 0 {
			t.Errorf("after %s Full() = %q, want none", fullFor, full)
		}
	})
}

// A sender with the token of a namespace may also be able to create objects there, which select everything that it sends.
func testFullNamespaceAffectsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		watchQuery(t, s, allAlerts("shop"))
		for i := range 2 {
			if err := sendTo(t, s, "shop", strconv.Itoa(i), numbered("a", 0, MaxFiring/4)...); err != nil {
				t.Fatal(err)
			}
		}
		err := sendTo(t, s, "shop", "third", firing("one more", time.Now()))
		if want := "namespace shop may have 10000 firing alerts"; !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), want) {
			t.Errorf("answered %v, want %s", err, want)
		}
		banks := watchQuery(t, s, allAlerts("bank"))
		if err := sendTo(t, s, "bank", "test", numbered("b", 0, MaxFiring/4)...); err != nil {
			t.Errorf("another namespace is answered %v", err)
		}
		banks.expect(t, "0", "5000")
	})
}

func testStoredAlertsResolveAlthoughThereIsNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		w := watchQuery(t, s, allAlerts("shop"))
		full := numbered("a", 0, MaxFiring/4)
		send(t, s, full...)
		over := resolved("a7", full[7].StartsAt, time.Now())
		if err := sendTo(t, s, "shop", "test", over, firing("one more", time.Now()), firing("and another", time.Now())); !errors.Is(err, ErrFull) {
			t.Errorf("answered %v", err)
		}
		if w.last() != "4999" {
			t.Errorf("after one of 5000 has resolved %s fire, want 4999", w.last())
		}
		if err := sendTo(t, s, "shop", "test", firing("one more", time.Now())); err != nil {
			t.Errorf("where one has resolved, another is answered %v", err)
		}
	})
}

func testUnselectedAlertsAreDroppedFirstMostRecentLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		w := watch(t, s, "slow")
		full := numbered("a", 0, MaxFiring/4)
		send(t, s, full...)
		send(t, s, full[0])
		send(t, s, firing("slow", time.Now()))
		w.expect(t, "0", "1")
		if !isStored(s, "a0") || isStored(s, "a1") || !isStored(s, "a2") {
			t.Errorf("stored are a0 (repeated): %t, a1 (the oldest): %t, a2: %t; want true, false, true", isStored(s, "a0"), isStored(s, "a1"), isStored(s, "a2"))
		}
		send(t, s, numbered("b", 0, MaxFiring/4-1)...)
		if !isStored(s, "slow") || isStored(s, "a2") || len(s.index.records) != MaxFiring/4 || s.counts.dropped != MaxFiring/4 {
			t.Errorf("stored are slow (selected): %t, a2: %t, of %d; %d were dropped; want true, false, %d, %d", isStored(s, "slow"), isStored(s, "a2"), len(s.index.records), s.counts.dropped, MaxFiring/4, MaxFiring/4)
		}
	})
}

func testWhenStoreIsFullNamespaceWithMostUnselectedAlertsLosesThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		for _, ns := range []string{"shop", "bank"} {
			for i := range 2 {
				if err := sendTo(t, s, ns, strconv.Itoa(i), numbered("a", 0, MaxFiring/4-10)...); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := sendTo(t, s, "small", "test", numbered("a", 0, 100)...); err != nil {
			t.Fatal(err)
		}
		w := watchQuery(t, s, allAlerts("other"))
		if err := sendTo(t, s, "other", "test", numbered("a", 0, 1000)...); err != nil {
			t.Fatal(err)
		}
		w.expect(t, "0", "1000")
		if n := s.accounts.namespaces["small"].count[isFiring]; n != 100 || s.accounts.all.count[isFiring] != MaxFiring {
			t.Errorf("the smallest namespace has %d alerts, and all together %d; want 100 and %d", n, s.accounts.all.count[isFiring], MaxFiring)
		}
	})
}

func testSelectedAlertsAreRecordedAlthoughDeliveryIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := runSettled(t, m)
		w := watch(t, s, "a0")
		if err := sendTo(t, s, "shop", "test", numbered("a", 0, 100_000)...); !errors.Is(err, ErrFull) {
			t.Errorf("answered %v", err)
		}
		w.expect(t, "0", "1")
		if len(s.index.records) != 1 || m.writes() != 1 {
			t.Errorf("%d alerts are stored, after %d writes; want the selected one and 1 write", len(s.index.records), m.writes())
		}
	})
}

func testAlertThatIsInDeliveryMoreThanOnceIsCountedAtItsLargest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		watchQuery(t, s, allAlerts("shop"))
		var all []Alert
		for _, a := range numbered("a", 0, MaxFiring/4+1) {
			all = append(all, resolved(a.Labels["alertname"], a.StartsAt.Add(-time.Hour), a.StartsAt.Add(-time.Minute)), a)
		}
		if err := sendTo(t, s, "shop", "test", all...); !errors.Is(err, ErrFull) || s.accounts.all.count[isFiring] > MaxFiring/4 {
			t.Errorf("Record() = %v, and %d fire; want ErrFull and at most %d", err, s.accounts.all.count[isFiring], MaxFiring/4)
		}
	})
}

func testResolvedAlertsOfOneNamespaceDisplaceNoneOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, resolved("slow", began, time.Now()))
		for i := range 9 {
			ended := numbered("b", 5000*i, 5000)
			for j := range ended {
				ended[j].Firing, ended[j].EndsAt = false, time.Now()
			}
			if err := sendTo(t, s, "bank", strconv.Itoa(i), ended...); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.accounts.namespaces["bank"].count[isResolved]; n != MaxResolved/2 {
			t.Errorf("%d resolved alerts of the namespace are stored, want %d", n, MaxResolved/2)
		}
		send(t, s, firing("slow", began)) // Late.
		w.expect(t, "0", "0 and 1 will")
	})
}

func testUnselectedAlertIsStoredForFiveHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		send(t, s, firing("slow", time.Now()), firing("fast", time.Now()))
		<-time.After(5*time.Hour - time.Second)
		if !isStored(s, "fast") {
			t.Error("an alert that no object selects is removed within 5 hours, want it stored")
		}
		<-time.After(2 * time.Second)
		if isStored(s, "fast") || w.last() != "1" {
			t.Errorf("after 5 hours the unselected alert is stored: %t, and %s selected count; want false and 1", isStored(s, "fast"), w.last())
		}
	})
}

// After a restart nothing is selected until the objects have been read.
func testSelectedAlertsAreNotDroppedBeforeObjectsAreLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		send(t, run(t, m), numbered("a", 0, MaxFiring/4)...)
		left := m.copy()
		<-time.After(20 * time.Hour) // Longer than an unselected alert is kept.
		s := run(t, left)
		if err := sendTo(t, s, "shop", "test", firing("slow", time.Now())); !errors.Is(err, ErrFull) {
			t.Errorf("answered %v", err)
		}
		w := watchQuery(t, s, allAlerts("shop"))
		<-time.After(selectorsTimeout)
		if w.last() != "5000 stale" {
			t.Errorf("after a restart %s fire, want 5000 stale", w.last())
		}
	})
}

func testLaterSelectorDoesNotTreatDroppedAlertAsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := runSettled(t, &memory{})
		before := watch(t, s, "a0")
		send(t, s, numbered("b", 0, MaxFiring/4)...)
		send(t, s, numbered("c", 0, 10)...)
		after, reconciled := watchQuery(t, s, withTTL("b0", time.Hour)), watch(t, s, "slow")
		before.expect(t, "0")
		after.expect(t, "0 or more")
		<-time.After(time.Second)
		reconcile(t, s, triggers.AlertView{Complete: true}) // Of "slow".
		reconciled.expect(t, "0 or more", "0")
		<-time.After(time.Hour)
		after.expect(t, "0 or more", "0")
		if banks := watchQuery(t, s, allAlerts("bank")); !slices.Equal(banks.received, []string{"0"}) {
			t.Errorf("a watcher in another namespace received %v, want [0]", banks.received)
		}
	})
}
