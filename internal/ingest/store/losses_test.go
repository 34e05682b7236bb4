package store

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

func TestLosses(t *testing.T) {
	t.Run("the records of a torn file are unknown for a ttl, through restarts", testRecordsOfTornFileAreUnknownForTTLThroughRestarts)
	t.Run("records that were set aside are lost, even after a crash before the next write", testRecordsThatWereSetAsideAreLostEvenAfterCrashBeforeNextWrite)
	t.Run("a reconcile covers the lost records", testReconcileCoversLostRecords)
	t.Run("records in the wrong shard are moved when they are loaded", testRecordsInWrongShardAreMovedWhenTheyAreLoaded)
	t.Run("a move that is interrupted anywhere loses nothing", testMoveThatIsInterruptedAnywhereLosesNothing)
	t.Run("a deleted file is written again", testDeletedFileIsWrittenAgain)
	t.Run("a record that another process wrote during the start is loaded", testRecordThatAnotherProcessWroteDuringStartIsLoaded)
	t.Run("a record from a clock that is ahead does not end a newer activation", testRecordFromClockThatIsAheadDoesNotEndNewerActivation)
}

func folder(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := NewFolder(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// truncateFile cuts off the end of the file that has an alert with a name.
func truncateFile(t *testing.T, s *Store, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, shardName(shardOf(t, s, name).number)+".json")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content[:len(content)-5], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func testRecordsOfTornFileAreUnknownForTTLThroughRestarts(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, stop := begin(t, folder(t, dir))
		began := time.Now()
		long := firing("slow", began) // So long that it has a file of its own.
		long.Annotations = map[string]string{"text": strings.Repeat("a", MaxShard)}
		send(t, s, long, firing("fast", began))
		path := truncateFile(t, s, dir, "slow")
		stop()
		restarted, stop := begin(t, folder(t, dir))
		slow, fast := watchQuery(t, restarted, withTTL("slow", time.Hour)), watchQuery(t, restarted, withTTL("fast", time.Hour))
		slow.expect(t, "0 or more")
		fast.expect(t, "1 or more")
		if _, err := os.Stat(path + ".broken"); err != nil {
			t.Errorf("the torn file was not set aside: %v", err)
		}
		send(t, restarted, firing("slow", began))
		slow.expect(t, "0 or more", "1 or more")
		<-time.After(30 * time.Minute)
		stop()
		again := watchQuery(t, run(t, folder(t, dir)), withTTL("slow", time.Hour))
		again.expect(t, "1 or more")
		<-time.After(30*time.Minute - time.Second)
		again.expect(t, "1 or more")
		<-time.After(time.Second)
		if got := again.last(); got != "1 stale" && got != "1" {
			t.Errorf("after a ttl %s alerts count, want 1, and no more", got)
		}
	})
}

func testRecordsThatWereSetAsideAreLostEvenAfterCrashBeforeNextWrite(t *testing.T) {
	dir := t.TempDir()
	f := folder(t, dir)
	if err := f.Save(t.Context(), 3, Shard{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "alerts-03.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if loaded, err := folder(t, dir).Load(t.Context()); err != nil || loaded[3].LostAt.IsZero() {
			t.Errorf("loaded %+v, %v", loaded, err)
		}
	}
	if err := f.Save(t.Context(), 3, Shard{AsOf: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if loaded, err := folder(t, dir).Load(t.Context()); err != nil || len(loaded) != 1 || !loaded[3].LostAt.IsZero() {
		t.Errorf("after the shard was written again: %+v, %v; want it without lostAt", loaded, err)
	}
}

func testReconcileCoversLostRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{shards: map[int]Shard{7: {LostAt: time.Now()}}}
		s := run(t, m)
		slow, fast := watch(t, s, "slow"), watch(t, s, "fast")
		<-time.After(time.Second)
		reconcile(t, s, triggers.AlertView{Firing: []triggers.Alert{listed("slow", time.Now())}})
		slow.expect(t, "0 or more", "1 or more")
		<-time.After(time.Second)
		reconcile(t, s, triggers.AlertView{Firing: []triggers.Alert{listed("slow", time.Now())}, Complete: true})
		if slow.last() != "1" {
			t.Errorf("after a complete reconcile %s alerts count, want 1", slow.last())
		}
		fast.expect(t, "0 or more")
		<-time.After(defaultTTL)
		fast.expect(t, "0 or more", "0")
	})
}

func testRecordsInWrongShardAreMovedWhenTheyAreLoaded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		now := metav1.NewMicroTime(time.Now())
		old := func(endpoint Endpoint, name string) v1alpha1.AlertRecord {
			labels := map[string]string{"alertname": name}
			return v1alpha1.AlertRecord{Endpoint: endpoint.String(), Fingerprint: fingerprint(labels), Labels: labels, StartsAt: now, LastSeen: now}
		}
		fires, over, late := old(shop, "slow"), old(shop, "over"), old(shop, "late")
		fires.Firing, late.ResolvedAt, late.LateFiring = true, &now, &now
		first := []v1alpha1.AlertRecord{fires, over}
		for i := range 200 { // More than fit in a shard, of two namespaces.
			a := old(Endpoint{Namespace: []string{"shop", "bank"}[i%2], Credential: "test"}, strconv.Itoa(i))
			a.Firing = true
			first = append(first, a)
		}
		for i, alerts := range [][]v1alpha1.AlertRecord{first, {late}} {
			if err := folder(t, dir).Save(t.Context(), i, Shard{Alerts: alerts, AsOf: now.Time}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // From their first shards, and from those they were moved to.
			s, stop := begin(t, folder(t, dir))
			watch(t, s, "slow").expect(t, "1")
			watch(t, s, "198").expect(t, "1")
			watch(t, s, "199").expect(t, "0") // It belongs to namespace bank.
			watch(t, s, "over").expect(t, "0")
			w := watch(t, s, "late")
			<-time.After(2 * time.Minute)
			if w.last() != "1" || len(s.index.records) != 203 {
				t.Errorf("after its window %s late firings count, of %d records; want 1 of 203", w.last(), len(s.index.records))
			}
			stop()
		}
		checkPlacedIn(t, folder(t, dir))
	})
}

// The process may end at each write.
func testMoveThatIsInterruptedAnywhereLosesNothing(t *testing.T) {
	const alerts = 120
	misplaced := func() *memory {
		m := &memory{shards: map[int]Shard{}}
		for i := range alerts {
			labels := map[string]string{"alertname": strconv.Itoa(i)}
			one := m.shards[i%4]
			one.Alerts = append(one.Alerts, v1alpha1.AlertRecord{
				Endpoint: []string{"shop/test", "bank/test", "/test"}[i%3], Fingerprint: fingerprint(labels), Labels: labels, Firing: true,
				StartsAt: micro(time.Now()), LastSeen: micro(time.Now()),
			})
			m.shards[i%4] = one
		}
		return m
	}
	for writes, complete := 0, false; !complete; writes++ {
		synctest.Test(t, func(t *testing.T) {
			m := &cutOff{memory: misplaced(), writesLeft: writes}
			run(t, m)
			<-time.After(time.Second)
			m.mu.Lock()
			complete = m.writesLeft >= 0
			m.mu.Unlock()
			if s := run(t, m.copy()); len(s.index.records) != alerts {
				t.Errorf("cut off after %d writes, %d records are loaded, want %d", writes, len(s.index.records), alerts)
			}
		})
	}
}

// cutOff is a persister that fails after a number of writes.
type cutOff struct {
	*memory

	writesLeft int
}

// Save is Persister's.
func (m *cutOff) Save(ctx context.Context, i int, content Shard) error {
	m.mu.Lock()
	m.writesLeft--
	dead := m.writesLeft < 0
	m.mu.Unlock()
	if dead {
		return errors.New("it is cut off")
	}
	return m.memory.Save(ctx, i, content)
}

// checkPlacedIn is checkPlaced for the shards in a folder.
func checkPlacedIn(t *testing.T, f *Folder) {
	t.Helper()
	loaded, err := f.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	checkPlaced(t, loaded)
}

// checkPlaced fails the test if a shard is too large, if it has records of several namespaces, or if a record is in two shards.
func checkPlaced(t *testing.T, shards map[int]Shard) {
	t.Helper()
	seen := map[key]int{}
	for i, one := range shards {
		bytes := 0
		for _, a := range one.Alerts {
			r := newEntry(a)
			bytes += r.size()
			if namespace, _ := namespaceOf(one.Alerts[0].Endpoint); namespace != r.namespace {
				t.Errorf("shard %d has records of %s and of %s, want one namespace", i, namespace, r.namespace)
			}
			if other, twice := seen[r.key()]; twice {
				t.Errorf("%s is in shards %d and %d, want one", a.Labels["alertname"], i, other)
			}
			seen[r.key()] = i
		}
		if bytes > MaxShard {
			t.Errorf("shard %d has %d bytes, want at most %d", i, bytes, MaxShard)
		}
	}
}

func testDeletedFileIsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := run(t, folder(t, dir))
		send(t, s, firing("slow", time.Now()))
		files, err := filepath.Glob(filepath.Join(dir, "alerts-*.json"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%v %v", files, err)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		<-time.After(checkEvery + time.Second)
		if _, err := os.Stat(files[0]); err != nil {
			t.Error(err)
		}
		watch(t, run(t, folder(t, dir)), "slow").expect(t, "1")
	})
}

func testRecordThatAnotherProcessWroteDuringStartIsLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		s := run(t, m)
		w := watch(t, s, "slow")
		began := time.Now()
		send(t, s, firing("slow", began))
		other := run(t, m) // It accepts a resolve before it knows that it no longer leads.
		<-time.After(time.Second)
		send(t, other, resolved("slow", began, time.Now()))
		if err := s.merge(t.Context(), shardOf(t, s, "slow")); err != nil {
			t.Fatal(err)
		}
		w.expect(t, "0", "1", "0")
	})
}

func testRecordFromClockThatIsAheadDoesNotEndNewerActivation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mine, theirs := &memory{}, &memory{}
		s, other := run(t, mine), run(t, theirs)
		w := watch(t, s, "slow")
		began := time.Now()
		ended := Delivery{Endpoint: shop, Alerts: []Alert{resolved("slow", began, began.Add(time.Second))}, At: began.Add(time.Hour)}
		if _, err := other.Record(t.Context(), ended); err != nil {
			t.Fatal(err)
		}
		send(t, s, firing("slow", began.Add(2*time.Second)))
		mine.shards[shardOf(t, s, "slow").number] = theirs.shards[shardOf(t, other, "slow").number]
		if err := s.merge(t.Context(), shardOf(t, s, "slow")); err != nil {
			t.Fatal(err)
		}
		w.expect(t, "0", "1")
	})
}
