package store

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWriterRate(t *testing.T) {
	t.Run("the write of a change does not grow with the number of records", testWriteOfChangeDoesNotGrowWithNumberOfRecords)
	t.Run("writes of one namespace delay no other", testWritesOfOneNamespaceDelayNoOther)
	t.Run("the bytes that are written per second of one namespace are bounded", testBytesThatAreWrittenPerSecondOfOneNamespaceAreBounded)
	t.Run("a shard belongs to one namespace and is used again when it is empty", testShardBelongsToOneNamespaceAndIsUsedAgainWhenItIsEmpty)
}

// heldWrites is a persister that counts the writes in flight, and holds those of one namespace until let is closed.
type heldWrites struct {
	*memory

	mu          sync.Mutex
	holds       string
	let         chan struct{}
	underWay    map[string]int
	most, total int
	alerts      int
}

// Save is Persister's.
func (p *heldWrites) Save(ctx context.Context, i int, content Shard) error {
	namespace := ""
	if len(content.Alerts) > 0 {
		namespace, _ = namespaceOf(content.Alerts[0].Endpoint)
	}
	p.mu.Lock()
	p.underWay[namespace]++
	p.total++
	p.most = max(p.most, p.underWay[namespace])
	p.alerts += len(content.Alerts)
	holds := p.holds == namespace
	p.mu.Unlock()
	if holds {
		<-p.let
	}
	p.mu.Lock()
	p.underWay[namespace]--
	p.mu.Unlock()
	return p.memory.Save(ctx, i, content)
}

func newHeldWrites() *heldWrites {
	return &heldWrites{memory: &memory{}, underWay: map[string]int{}, let: make(chan struct{})}
}

// reset sets the counters to 0.
func (p *heldWrites) reset() {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.alerts = 0, 0
}

// written returns the number of writes, and of the alerts in them.
func (p *heldWrites) written() (writes, alerts int) {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total, p.alerts
}

// withText returns an alert with another annotation.
func withText(a Alert, text string) Alert {
	a.Annotations = map[string]string{"text": text}
	return a
}

func testWriteOfChangeDoesNotGrowWithNumberOfRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newHeldWrites()
		s := run(t, p)
		all := numbered("a", 0, MaxFiring/4)
		send(t, s, all...)
		p.reset()
		send(t, s, withText(all[17], "more"))
		if writes, alerts := p.written(); writes != 1 || alerts > 20 {
			t.Errorf("one change caused %d writes of %d alerts, want 1 of at most 20", writes, alerts)
		}
		p.reset()
		for i := range 50 {
			all[i] = withText(all[i], "more")
		}
		send(t, s, all[:50]...)
		if writes, _ := p.written(); writes > 5 {
			t.Errorf("50 changes of one delivery caused %d writes, want at most 5", writes)
		}
	})
}

func testWritesOfOneNamespaceDelayNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newHeldWrites()
		p.holds = "shop"
		s := run(t, p)
		stuck := make(chan error, 1)
		go func() { stuck <- sendTo(t, s, "shop", "test", numbered("a", 0, 1000)...) }()
		synctest.Wait()
		for i := range 20 {
			if err := sendTo(t, s, "bank", "test", firing(fmt.Sprint("b", i), time.Now())); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if p.most != maxTenantWrites || p.underWay["shop"] != maxTenantWrites {
			t.Errorf("%d writes of one namespace are in flight, and were at most %d; want %d", p.underWay["shop"], p.most, maxTenantWrites)
		}
		close(p.let)
		if err := <-stuck; err != nil {
			t.Error(err)
		}
	})
}

func testBytesThatAreWrittenPerSecondOfOneNamespaceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newHeldWrites()
		s := run(t, p)
		all := numbered("a", 0, MaxFiring/4)
		send(t, s, all...)
		<-time.After(time.Minute)
		p.reset()
		deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for n := 0; deadline.Err() == nil; n++ {
			for i := range all {
				all[i] = withText(all[i], strconv.Itoa(n))
			}
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				_, _ = s.Record(deadline, Delivery{Endpoint: shop, Alerts: all, At: time.Now()})
			}()
			<-time.After(time.Second)
			began := time.Now()
			if err := sendTo(t, s, "bank", "test", firing(fmt.Sprint("b", n), time.Now())); err != nil || time.Since(began) > 100*time.Millisecond {
				t.Fatalf("another namespace is answered with %v after %s, want nil within 100ms", err, time.Since(began))
			}
			<-answered
		}
		if _, alerts := p.written(); alerts > (60+4+4)*tenantPace/overhead {
			t.Errorf("%d alerts were written in a minute, want at most %d", alerts, (60+4+4)*tenantPace/overhead)
		}
	})
}

func testShardBelongsToOneNamespaceAndIsUsedAgainWhenItIsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		for day := range 20 {
			for _, ns := range []string{"shop", "bank"} {
				if err := sendTo(t, s, fmt.Sprint(ns, day), "test", numbered("a", 0, 100)...); err != nil {
					t.Fatal(err)
				}
			}
			checkPlaced(t, m.copy().shards)
			<-time.After(24 * time.Hour)
		}
		synctest.Wait()
		if len(s.writer.shards) > 20 || len(s.writer.tenants) != 0 || len(s.accounts.endpoints) != 0 || len(s.index.records) != 0 {
			t.Errorf("%d shards, %d namespaces, %d endpoints and %d alerts are left, want at most 20 shards and nothing else", len(s.writer.shards), len(s.writer.tenants), len(s.accounts.endpoints), len(s.index.records))
		}
		if restarted := run(t, m.copy()); len(restarted.writer.shards) > 20 {
			t.Errorf("%d shards are loaded, want at most 20", len(restarted.writer.shards))
		}
	})
}
