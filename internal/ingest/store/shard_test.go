package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestShard(t *testing.T) {
	t.Run("records of different deliveries share no shard", testRecordsOfDifferentDeliveriesShareNoShard)
	t.Run("records that arrive while others of their namespace wait to be written share a shard", testRecordsThatArriveDuringWriteShareShard)
	t.Run("records of one delivery share shards of at most MaxShard", testRecordsOfOneDeliveryShareShards)
	t.Run("a namespace with many shards fills those it has, and another one does not", testNamespaceWithManyShardsFillsThoseItHas)
	t.Run("with many shards of all namespaces, each fills its own", testWithManyShardsEachNamespaceFillsItsOwn)
	t.Run("the number of shards is bounded when alerts come and go one by one", testNumberOfShardsIsBounded)
	t.Run("no acknowledged alert is lost by a crash, and none that ended comes back, with few and with many shards", testCrashWithFewAndManyShards)
}

func testRecordsOfDifferentDeliveriesShareNoShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		for i := range 10 {
			send(t, s, firing(strconv.Itoa(i), time.Now()))
		}
		for n, one := range m.copy().shards {
			if len(one.Alerts) != 1 {
				t.Errorf("shard %d has %d records, want that of one delivery", n, len(one.Alerts))
			}
		}
		if n := len(m.copy().shards); n != 10 {
			t.Errorf("10 deliveries are in %d shards, want 10", n)
		}
	})
}

func testRecordsThatArriveDuringWriteShareShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{hold: make(chan struct{})}
		s := run(t, m)
		var answers []chan error
		for i := range 10 {
			answers = append(answers, deliverAsync(t, s, firing(strconv.Itoa(i), time.Now())))
		}
		close(m.hold)
		for _, answered := range answers {
			expectAnswered(t, answered, true)
		}
		if n := len(m.copy().shards); n != 1 || m.writes() != 2 {
			t.Errorf("10 deliveries are in %d shards, after %d writes; want 1 after 2", n, m.writes())
		}
	})
}

func testRecordsOfOneDeliveryShareShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		storm := make([]Alert, 1000)
		size := 0
		for i := range storm {
			storm[i] = firing(fmt.Sprintf("a%03d", i), time.Now())
			size = sizeOf(shop.String(), nil, storm[i].Labels, nil)
		}
		send(t, s, storm...)
		checkPlaced(t, m.copy().shards)
		perShard := MaxShard / size
		if want := (len(storm) + perShard - 1) / perShard; m.writes() != want {
			t.Errorf("%d writes of %d alerts of %d bytes, want %d", m.writes(), len(storm), size, want)
		}
	})
}

// addOneByOne delivers alerts, one in each delivery, and waits until they are durable.
func addOneByOne(t *testing.T, s *Store, namespace string, alerts int) {
	t.Helper()
	for i := range alerts {
		d := Delivery{Endpoint: Endpoint{Namespace: namespace, Credential: "test"}, Alerts: []Alert{firing(strconv.Itoa(i), time.Now())}, At: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		if _, err := s.Record(ctx, d); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}

func testNamespaceWithManyShardsFillsThoseItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		addOneByOne(t, s, "shop", maxTenantSparse+500)
		if n := len(m.copy().shards); n != maxTenantSparse {
			t.Errorf("a namespace has %d shards, want %d", n, maxTenantSparse)
		}
		addOneByOne(t, s, "bank", 10)
		if n := len(m.copy().shards); n != maxTenantSparse+10 {
			t.Errorf("with 10 deliveries in another namespace there are %d shards, want %d", n, maxTenantSparse+10)
		}
		checkPlaced(t, m.copy().shards)
	})
}

func testWithManyShardsEachNamespaceFillsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		for i := range maxSparse / maxTenantSparse {
			addOneByOne(t, s, fmt.Sprint("shop-", i), maxTenantSparse)
		}
		addOneByOne(t, s, "bank", 10)
		if n := len(m.copy().shards); n != maxSparse+1 {
			t.Errorf("with 10 more deliveries, in a namespace without a shard, there are %d shards, want %d", n, maxSparse+1)
		}
		checkPlaced(t, m.copy().shards)
	})
}

// Each round ends nine of ten alerts. The shards that they leave are used again, and the shards of the others are filled.
func testNumberOfShardsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		for round := range 3 {
			began := time.Now()
			for i := range 100 {
				send(t, s, firing(fmt.Sprint(round, " ", i), began))
			}
			for i := range 100 {
				if i%10 != 0 {
					send(t, s, resolved(fmt.Sprint(round, " ", i), began, time.Now()))
				}
			}
			<-time.After(resolvedRetention + time.Second)
		}
		if n := len(m.copy().shards); n > 100+2*10 {
			t.Errorf("%d shards were used for at most 120 alerts at a time, want at most 120", n)
		}
	})
}

// Each run delivers firings and resolves, alone and several together, and crashes after a number of writes.
func testCrashWithFewAndManyShards(t *testing.T) {
	for _, stored := range []int{0, maxSparse / 2} {
		loaded := &memory{}
		synctest.Test(t, func(t *testing.T) { addOneByOne(t, run(t, loaded), "shop", stored) })
		for seed := range uint64(50) {
			synctest.Test(t, func(t *testing.T) {
				crashOnce(t, &cutOff{memory: loaded.copy(), writesLeft: int(seed) + 1}, rand.New(rand.NewPCG(seed, 7)))
			})
		}
	}
}

// crashOnce delivers until the persister is cut off, starts again, and compares what fires with what was acknowledged.
func crashOnce(t *testing.T, m *cutOff, r *rand.Rand) {
	t.Helper()
	s := run(t, m)
	fires, began := map[string]bool{}, map[string]time.Time{}
	for n, acknowledged := 0, true; acknowledged; n++ {
		if n > 1000 {
			t.Fatal("deliveries are acknowledged although no write succeeds")
		}
		<-time.After(time.Millisecond)
		d := Delivery{Endpoint: shop, At: time.Now()}
		for range 1 + r.IntN(15) {
			name := fmt.Sprint("new ", r.IntN(40))
			if d.Alerts = append(d.Alerts, resolved(name, began[name], time.Now())); !fires[name] {
				began[name] = time.Now()
				d.Alerts[len(d.Alerts)-1] = firing(name, began[name])
			}
			if r.IntN(2) == 0 {
				break
			}
		}
		_, err := s.Record(t.Context(), d)
		acknowledged = err == nil
		for _, a := range d.Alerts {
			name := a.Labels["alertname"]
			if fires[name] = a.Firing; !acknowledged {
				delete(fires, name) // It may have been written.
			}
		}
	}
	restarted := run(t, m.copy())
	for name, want := range fires {
		e := restarted.index.records[key{shop.String(), fingerprint(firing(name, began[name]).Labels)}]
		if got := e != nil && e.Firing; got != want {
			t.Errorf("after a crash %s fires: %t, want %t", name, got, want)
		}
	}
	checkPlaced(t, m.copy().shards)
}
