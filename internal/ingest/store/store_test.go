package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestStore(t *testing.T) {
	t.Run("the same delivery a thousand times is one change and one write", testSameDeliveryThousandTimesIsOneChangeAndOneWrite)
	t.Run("any order of firing, resolved and late firing converges", testAnyOrderOfFiringResolvedAndLateFiringConverges)
	t.Run("a newer activation counts at once, and a late firing after a minute", testNewerActivationCountsAtOnceAndLateFiringAfterMinute)
	t.Run("the end of an earlier activation is ignored", testEndOfEarlierActivationIsIgnored)
	t.Run("an alert that is not repeated ends after two ttls", testAlertThatIsNotRepeatedEndsAfterTwoTTLs)
	t.Run("watchers are notified before the response, which waits for the write", testWatchersAreNotifiedBeforeResponseWhichWaitsForWrite)
	t.Run("deliveries during a write share the next one", testDeliveriesDuringWriteShareNextOne)
	t.Run("a record that cannot be written is not acknowledged, and the write is retried", testRecordThatCannotBeWrittenIsNotAcknowledgedAndWriteIsRetried)
	t.Run("nothing is known before the record is loaded", testNothingIsKnownBeforeRecordIsLoaded)
}

// memory is a persister in memory that can be made to fail or to wait.
type memory struct {
	mu     sync.Mutex
	shards map[int]Shard
	saves  int
	err    error
	hold   chan struct{}
}

// copy returns a persister with the shards that a crash would leave.
func (m *memory) copy() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &memory{shards: maps.Clone(m.shards)}
}

func (m *memory) Load(_ context.Context, shards ...int) (map[int]Shard, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[int]Shard{}
	for i, one := range m.shards {
		if len(shards) == 0 || slices.Contains(shards, i) {
			one.Alerts = slices.Clone(one.Alerts)
			out[i] = one
		}
	}
	return out, m.err
}

func (m *memory) Check(context.Context) ([]int, error) { return nil, nil }

func (m *memory) Save(_ context.Context, i int, content Shard) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hold := m.hold; hold != nil {
		m.mu.Unlock()
		<-hold
		m.mu.Lock()
	}
	m.saves++
	if m.err == nil {
		if m.shards == nil {
			m.shards = map[int]Shard{}
		}
		m.shards[i] = content
	}
	return m.err
}

func (m *memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *memory) writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saves
}

// run starts a store in a synctest bubble. It stops at the end of the test.
func run(t *testing.T, p Persister) *Store {
	t.Helper()
	s, stop := begin(t, p)
	t.Cleanup(stop)
	return s
}

// begin starts a store, and returns a function that stops it.
func begin(t *testing.T, p Persister) (s *Store, stop func()) {
	t.Helper()
	s = New(p, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx)
	}()
	synctest.Wait()
	return s, func() { cancel(); <-done }
}

// watchRecord stores what a watcher received.
type watchRecord struct {
	mu       sync.Mutex
	received []string
	alerts   []triggers.Alert
	traces   []scalers.Trace
}

// queryFor returns a query for the alerts with a name.
func queryFor(name string) triggers.AlertQuery {
	return triggers.AlertQuery{
		Namespace: "shop", Text: name, Equal: map[string]string{"alertname": name},
		Match: func(labels map[string]string) bool { return labels["alertname"] == name },
	}
}

func watch(t *testing.T, s *Store, name string) *watchRecord {
	t.Helper()
	return watchQuery(t, s, queryFor(name))
}

func watchQuery(t *testing.T, s *Store, q triggers.AlertQuery) *watchRecord {
	t.Helper()
	w := &watchRecord{}
	t.Cleanup(s.Follow(q, func(c triggers.Cause, alerts []triggers.Alert, err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.received, w.alerts, w.traces = append(w.received, describe(alerts, err)), alerts, append(w.traces, c.Trace)
	}))
	synctest.Wait()
	return w
}

// describe describes what a watcher received: how many alerts count, how many will, and whether others may be firing.
func describe(alerts []triggers.Alert, err error) string {
	waiting := 0
	for i := range alerts {
		if !alerts[i].CountsFrom.IsZero() {
			waiting++
		}
	}
	text := strconv.Itoa(len(alerts) - waiting)
	if waiting > 0 {
		text += fmt.Sprintf(" and %d will", waiting)
	}
	if slices.ContainsFunc(alerts, func(a triggers.Alert) bool { return a.Stale }) {
		text += " stale"
	}
	switch {
	case err != nil && alerts == nil:
		return "unknown"
	case err != nil:
		return text + " or more"
	default:
		return text
	}
}

func (w *watchRecord) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.received, want) {
		t.Errorf("the watcher received %v, want %v", w.received, want)
	}
}

// last returns the number of alerts that count by the last notification.
func (w *watchRecord) last() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	count, _, _ := strings.Cut(w.received[len(w.received)-1], " and ")
	return count
}

var shop = Endpoint{Namespace: "shop", Credential: "test"}

func firing(name string, since time.Time) Alert {
	return Alert{Labels: map[string]string{"alertname": name}, Firing: true, StartsAt: since}
}

func resolved(name string, since, until time.Time) Alert {
	return Alert{Labels: map[string]string{"alertname": name}, StartsAt: since, EndsAt: until}
}

// shardOf returns the shard of an alert with a name.
func shardOf(t *testing.T, s *Store, name string) *shard {
	t.Helper()
	r := s.index.records[key{shop.String(), fingerprint(map[string]string{"alertname": name})}]
	if r == nil {
		t.Fatalf("%s is not stored, want a record", name)
	}
	return r.shard
}

func send(t *testing.T, s *Store, alerts ...Alert) {
	t.Helper()
	if _, err := s.Record(t.Context(), Delivery{Endpoint: shop, Alerts: alerts, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

func testSameDeliveryThousandTimesIsOneChangeAndOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watch(t, s, "slow")
		began := time.Now()
		for range 1000 {
			send(t, s, firing("slow", began))
		}
		w.expect(t, "0", "1")
		if m.writes() != 1 {
			t.Errorf("%d writes of 1000 repeats, want 1", m.writes())
		}
	})
}

func testAnyOrderOfFiringResolvedAndLateFiringConverges(t *testing.T) {
	orders := [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for _, order := range orders {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run(t, &memory{})
				w := watch(t, s, "slow")
				began := time.Now().Add(-time.Hour)
				deliveries := []Alert{
					firing("slow", began), resolved("slow", began, time.Now()), firing("slow", began.Add(-time.Minute)),
				}
				for _, i := range order {
					send(t, s, deliveries[i])
				}
				send(t, s, deliveries[1]) // Alertmanager's peers repeat the resolve.
				if got := w.last(); got != "0" {
					t.Errorf("%s alerts count, want 0", got)
				}
			})
		})
	}
}

func testNewerActivationCountsAtOnceAndLateFiringAfterMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began))
		send(t, s, resolved("slow", began, time.Now()))
		send(t, s, firing("slow", began))
		w.expect(t, "0", "1", "0", "0 and 1 will")
		<-time.After(defaultWindow)
		w.expect(t, "0", "1", "0", "0 and 1 will", "1")
		send(t, s, resolved("slow", began, time.Now()))
		send(t, s, firing("slow", began.Add(time.Second)))
		w.expect(t, "0", "1", "0", "0 and 1 will", "1", "0", "1")
	})
}

func testEndOfEarlierActivationIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began))
		send(t, s, resolved("slow", began.Add(-time.Hour), began.Add(-time.Minute)))
		w.expect(t, "0", "1")
	})
}

func testAlertThatIsNotRepeatedEndsAfterTwoTTLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := run(t, &memory{})
		w := watch(t, s, "slow")
		send(t, s, firing("slow", time.Now()))
		<-time.After(defaultTTL - time.Microsecond)
		w.expect(t, "0", "1")
		<-time.After(time.Microsecond)
		w.expect(t, "0", "1", "1 stale")
		<-time.After(defaultTTL - time.Microsecond)
		w.expect(t, "0", "1", "1 stale")
		<-time.After(time.Microsecond)
		w.expect(t, "0", "1", "1 stale", "0")
	})
}

func testWatchersAreNotifiedBeforeResponseWhichWaitsForWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		s := run(t, m)
		w := watch(t, s, "slow")
		answered := deliverAsync(t, s, firing("slow", time.Now()))
		w.expect(t, "0", "1")
		expectAnswered(t, answered, false)
		close(m.hold)
		if err := <-answered; err != nil {
			t.Error(err)
		}
	})
}

func testDeliveriesDuringWriteShareNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		s := run(t, m)
		var all sync.WaitGroup
		began := time.Now()
		for i := range 50 {
			all.Go(func() {
				// One alert whose annotation changes with each delivery: one shard.
				a := firing("slow", began)
				a.Annotations = map[string]string{"value": strconv.Itoa(i)}
				if _, err := s.Record(t.Context(), Delivery{Endpoint: shop, Alerts: []Alert{a}, At: time.Now()}); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		close(m.hold)
		all.Wait()
		if m.writes() != 2 {
			t.Errorf("%d writes, want the one under way and one for all the others", m.writes())
		}
	})
}

func testRecordThatCannotBeWrittenIsNotAcknowledgedAndWriteIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		broken := errors.New("the disk is full")
		m.fail(broken)
		_, err := s.Record(t.Context(), Delivery{Endpoint: shop, Alerts: []Alert{firing("slow", time.Now())}, At: time.Now()})
		if !errors.Is(err, broken) {
			t.Fatalf("answered %v", err)
		}
		m.fail(nil)
		<-time.After(time.Minute)
		restarted := run(t, m)
		watch(t, restarted, "slow").expect(t, "1")
	})
}

func testNothingIsKnownBeforeRecordIsLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{err: errors.New("away")}
		s := run(t, m)
		w := watch(t, s, "slow")
		if _, err := s.Record(t.Context(), Delivery{Endpoint: shop, Alerts: nil, At: time.Now()}); !errors.Is(err, ErrNotReady) {
			t.Errorf("a delivery was answered with %v", err)
		}
		m.fail(nil)
		<-time.After(time.Minute)
		w.expect(t, "unknown", "0")
	})
}
