package store

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestLifetime(t *testing.T) {
	t.Run("each watcher has a ttl of its own", testEachWatcherHasTTLOfItsOwn)
	t.Run("a stale alert has the instant of its end", testStaleAlertHasInstantOfItsEnd)
	t.Run("a repeat renews the ttl to the microsecond and is seldom written", testRepeatRenewsTTLToMicrosecondAndIsSeldomWritten)
	t.Run("an alert that expired while the process was down is stale for one more ttl", testAlertThatExpiredWhileProcessWasDownIsStaleForOneMoreTTL)
	t.Run("a clock that was set back prolongs no ttl", testClockThatWasSetBackProlongsNoTTL)
	t.Run("an alert that had ended before a restart stays ended", testAlertThatHadEndedBeforeRestartStaysEnded)
	t.Run("a late firing counts after the window, for ten minutes and one ttl", testLateFiringCountsAfterWindowForTenMinutesAndOneTTL)
	t.Run("a waiting alert has the instant at which it starts to count", testWaitingAlertHasInstantAtWhichItStartsToCount)
	t.Run("an alert that is absent while it waits does not start to count", testAlertThatIsAbsentWhileItWaitsDoesNotStartToCount)
	t.Run("each watcher has its own late window", testEachWatcherHasItsOwnLateWindow)
	t.Run("a late firing that is repeated after the window counts as any other", testLateFiringThatIsRepeatedAfterWindowCountsAsAnyOther)
	t.Run("an older start after the resolve is a late firing too, since it may be alive", testOlderStartAfterResolveIsLateFiringTooSinceItMayBeAlive)
	t.Run("absence from complete deliveries ends an alert for watchers that ask for it", testAbsenceFromCompleteDeliveriesEndsAlertForWatchersThatAskForIt)
	t.Run("nothing is inferred from truncated bodies, other groups or no group", testNothingIsInferredFromTruncatedBodiesOtherGroupsOrNoGroup)
	t.Run("absence is not recorded for watchers that do not ask for it", testAbsenceIsNotRecordedForWatchersThatDoNotAskForIt)
}

// withTTL returns a query for the alerts with a name, with a ttl.
func withTTL(name string, lease time.Duration) triggers.AlertQuery {
	q := queryFor(name)
	q.TTL = lease
	return q
}

// sendGroup delivers alerts of a group.
func sendGroup(t *testing.T, s *Store, group string, truncated int, alerts ...Alert) {
	t.Helper()
	d := Delivery{Endpoint: shop, Alerts: alerts, At: time.Now(), Group: group, Truncated: truncated}
	if _, err := s.Record(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func testEachWatcherHasTTLOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		short, long := watchQuery(t, s, withTTL("slow", time.Minute)), watchQuery(t, s, withTTL("slow", time.Hour))
		send(t, s, firing("slow", time.Now()))
		<-time.After(time.Minute)
		short.expect(t, "0", "1", "1 stale")
		long.expect(t, "0", "1")
		<-time.After(time.Minute)
		short.expect(t, "0", "1", "1 stale", "0")
		send(t, s, firing("slow", time.Now().Add(-2*time.Minute)))
		short.expect(t, "0", "1", "1 stale", "0", "1")
		long.expect(t, "0", "1")
	})
}

func testStaleAlertHasInstantOfItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		began := time.Now()
		over := make(chan time.Time, 10)
		stop := s.Follow(withTTL("slow", time.Minute), func(_ triggers.Cause, all []triggers.Alert, _ error) {
			for _, a := range all {
				over <- a.ExpiresAt
			}
		})
		send(t, s, firing("slow", began))
		<-time.After(time.Minute)
		synctest.Wait()
		if got := <-over; !got.IsZero() {
			t.Errorf("a fresh alert has ExpiresAt %s, want zero", got)
		}
		if got := <-over; !got.Equal(micro(began.Add(2 * time.Minute)).Time) {
			t.Errorf("a stale alert has ExpiresAt %s, want %s", got, began.Add(2*time.Minute))
		}
		stop()
	})
}

func testRepeatRenewsTTLToMicrosecondAndIsSeldomWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watchQuery(t, s, withTTL("slow", 4*time.Minute))
		began := time.Now()
		for range 60 {
			send(t, s, firing("slow", began))
			<-time.After(10 * time.Second)
		}
		if got := m.writes(); got != 10 {
			t.Errorf("%d writes in 10 minutes, want one a quarter of the lease", got)
		}
		<-time.After(4*time.Minute - 10*time.Second - time.Microsecond)
		w.expect(t, "0", "1")
		<-time.After(time.Microsecond)
		w.expect(t, "0", "1", "1 stale")
		send(t, s, firing("slow", began))
		w.expect(t, "0", "1", "1 stale", "1")
	})
}

func testAlertThatExpiredWhileProcessWasDownIsStaleForOneMoreTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		send(t, run(t, m), firing("slow", time.Now()))
		kept := m.copy()
		<-time.After(time.Hour)
		w := watchQuery(t, run(t, kept), withTTL("slow", time.Minute))
		w.expect(t, "1 stale")
		<-time.After(time.Minute)
		w.expect(t, "1 stale", "0")
	})
}

func testClockThatWasSetBackProlongsNoTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		send(t, s, firing("slow", time.Now()))
		push(t, s, level("", "4", time.Now(), time.Minute))
		kept := m.copy()
		for i, one := range kept.shards {
			one.AsOf = one.AsOf.Add(100 * time.Hour)
			kept.shards[i] = one
			for j := range one.Alerts {
				a := &one.Alerts[j]
				a.LastSeen = micro(a.LastSeen.Add(100 * time.Hour))
				if a.Until != nil {
					until := micro(a.Until.Add(100 * time.Hour))
					a.Until = &until
				}
			}
		}
		restarted := run(t, kept)
		w, pushed := watchQuery(t, restarted, withTTL("slow", time.Hour)), watchTill(t, restarted)
		<-time.After(time.Minute)
		pushed.expect(t, "1", "0")
		<-time.After(2*time.Hour - time.Minute)
		w.expect(t, "1", "1 stale", "0")
	})
}

func testAlertThatHadEndedBeforeRestartStaysEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		watchQuery(t, s, withTTL("slow", time.Minute))
		send(t, s, firing("slow", time.Now()))
		<-time.After(3 * time.Minute)
		kept := m.copy()
		<-time.After(time.Hour)
		watchQuery(t, run(t, kept), withTTL("slow", time.Minute)).expect(t, "0")
	})
}

func testLateFiringCountsAfterWindowForTenMinutesAndOneTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began))
		send(t, s, resolved("slow", began, time.Now()))
		<-time.After(20 * time.Second)
		send(t, s, firing("slow", began))
		<-time.After(40*time.Second - time.Microsecond)
		w.expect(t, "0", "1", "0", "0 and 1 will")
		<-time.After(time.Microsecond)
		w.expect(t, "0", "1", "0", "0 and 1 will", "1")
		<-time.After(lateFiringTTL)
		w.expect(t, "0", "1", "0", "0 and 1 will", "1", "1 stale")
		<-time.After(lateFiringTTL)
		w.expect(t, "0", "1", "0", "0 and 1 will", "1", "1 stale", "0")
	})
}

// countsFrom returns when the first waiting alert begins to count; zero if none waits.
func (w *watchRecord) countsFrom() time.Time {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.alerts {
		if !w.alerts[i].CountsFrom.IsZero() {
			return w.alerts[i].CountsFrom
		}
	}
	return time.Time{}
}

func testWaitingAlertHasInstantAtWhichItStartsToCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began))
		for range 2 { // After another resolve it waits again.
			ended := time.Now()
			send(t, s, resolved("slow", began, ended))
			if at := w.countsFrom(); !at.IsZero() {
				t.Errorf("a resolved alert has CountsFrom %s, want zero", at)
			}
			<-time.After(20 * time.Second)
			send(t, s, firing("slow", began))
			if at := w.countsFrom(); !at.Equal(ended.Add(defaultWindow)) {
				t.Errorf("it begins to count at %s, want %s", at, ended.Add(defaultWindow))
			}
			send(t, s, firing("slow", began)) // A repeat causes no notification.
		}
		w.expect(t, "0", "1", "0", "0 and 1 will", "0", "0 and 1 will")
		<-time.After(40 * time.Second)
		w.expect(t, "0", "1", "0", "0 and 1 will", "0", "0 and 1 will", "1")
		if at := w.countsFrom(); !at.IsZero() {
			t.Errorf("an alert that counts has CountsFrom %s, want zero", at)
		}
	})
}

// Complete deliveries without an alert end it if the query says so: it does not begin to count.
func testAlertThatIsAbsentWhileItWaitsDoesNotStartToCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		q := queryFor("slow")
		q.AbsentMeansResolved, q.TTL = true, time.Minute
		w := watchQuery(t, s, q)
		began := time.Now()
		send(t, s, firing("slow", began), resolved("slow", began, time.Now()))
		sendGroup(t, s, "g", 0, firing("slow", began))
		sendGroup(t, s, "g", 0)
		if at := w.countsFrom(); !at.IsZero() {
			t.Errorf("an alert that is absent for the whole window has CountsFrom %s, want zero", at)
		}
		<-time.After(2 * defaultWindow)
		if got := w.last(); got != "0" {
			t.Errorf("after the window %s absent alerts count, want 0", got)
		}
	})
}

func testEachWatcherHasItsOwnLateWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		q := queryFor("slow")
		q.Text, q.LateWindow = "hasty", 5*time.Second
		hasty, others := watchQuery(t, s, q), watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began), resolved("slow", began, time.Now()), firing("slow", began))
		<-time.After(5*time.Second - time.Microsecond)
		if hasty.last() != "0" || others.last() != "0" {
			t.Errorf("within the window %s alerts count, and for the others %s; want 0 and 0", hasty.last(), others.last())
		}
		<-time.After(time.Microsecond)
		if hasty.last() != "1" || others.last() != "0" {
			t.Errorf("after the window %s alerts count, and for the others %s; want 1 and 0", hasty.last(), others.last())
		}
		<-time.After(defaultWindow - 5*time.Second)
		if others.last() != "1" {
			t.Errorf("after their window %s alerts count for the others, want 1", others.last())
		}
	})
}

func testLateFiringThatIsRepeatedAfterWindowCountsAsAnyOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began), resolved("slow", began, time.Now()), firing("slow", began))
		<-time.After(2 * time.Minute)
		send(t, s, firing("slow", began))
		<-time.After(time.Hour)
		if w.last() != "1" {
			t.Errorf("%s alerts count, want 1", w.last())
		}
		watch(t, run(t, m.copy()), "slow").expect(t, "1")
	})
}

func testOlderStartAfterResolveIsLateFiringTooSinceItMayBeAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began), resolved("slow", began, time.Now()), firing("slow", began.Add(-time.Minute)))
		if w.last() != "0" {
			t.Errorf("at once %s alerts count, want 0", w.last())
		}
		<-time.After(defaultWindow)
		if w.last() != "1" {
			t.Errorf("after the window %s alerts count, want 1", w.last())
		}
	})
}

func testAbsenceFromCompleteDeliveriesEndsAlertForWatchersThatAskForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		q := queryFor("slow")
		q.AbsentMeansResolved = true
		w, other := watchQuery(t, s, q), watch(t, s, "slow")
		began := time.Now()
		slow, fast := firing("slow", began), firing("fast", began)
		sendGroup(t, s, "g", 0, slow, fast)
		sendGroup(t, s, "g", 0, fast)
		<-time.After(defaultWindow / 2)
		sendGroup(t, s, "g", 0, fast)
		<-time.After(defaultWindow/2 - time.Microsecond)
		w.expect(t, "0", "1")
		<-time.After(time.Microsecond)
		w.expect(t, "0", "1", "0")
		other.expect(t, "0", "1")
		sendGroup(t, s, "g", 0, slow, fast)
		if w.last() != "1" {
			t.Errorf("delivered again, %s alerts count, want 1", w.last())
		}
	})
}

func testNothingIsInferredFromTruncatedBodiesOtherGroupsOrNoGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		q := queryFor("slow")
		q.AbsentMeansResolved = true
		w := watchQuery(t, s, q)
		fast := firing("fast", time.Now())
		sendGroup(t, s, "g", 0, firing("slow", time.Now()), fast)
		sendGroup(t, s, "g", 1, fast)
		sendGroup(t, s, "g after its route was edited", 0, fast)
		sendGroup(t, s, "", 0, fast)
		if _, err := s.Record(t.Context(), Delivery{Endpoint: Endpoint{Namespace: "shop", Credential: "another"}, Group: "g", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		w.expect(t, "0", "1")
		if s.counts.truncated != 1 {
			t.Errorf("%d truncated deliveries are counted, want 1", s.counts.truncated)
		}
	})
}

// Two senders whose groups have the same names each leave out the alerts of the other. Watchers that do not end alerts by absence are
// not affected.
func testAbsenceIsNotRecordedForWatchersThatDoNotAskForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		watch(t, s, "slow")
		slow, fast := firing("slow", time.Now()), firing("fast", time.Now())
		for range 100 {
			sendGroup(t, s, "g", 0, slow)
			sendGroup(t, s, "g", 0, fast)
		}
		if m.writes() != 2 {
			t.Errorf("%d writes of two alerts, want 2", m.writes())
		}
	})
}
