package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestKube(t *testing.T) {
	t.Run("a shard is loaded from the API server as it was stored", testShardIsLoadedFromAPIServerAsItWasStored)
	t.Run("the largest shard fits into the API server", testLargestShardFitsIntoAPIServer)
	t.Run("all shards are loaded page by page, and foreign objects are ignored", testAllShardsAreLoadedPageByPageAndForeignObjectsAreIgnored)
	t.Run("the API server does not track the fields of a replaced AlertSet", testAPIServerDoesNotTrackFieldsOfReplacedAlertSet)
	t.Run("a deleted AlertSet is written again", testDeletedAlertSetIsWrittenAgain)
	t.Run("an invalid AlertSet is set aside and counts as lost", testInvalidAlertSetIsSetAsideAndCountsAsLost)
	t.Run("a 429 on a record is returned at once and not retried", test429OnRecordIsReturnedAtOnceAndNotRetried)
}

// newTestKube returns a persister in a namespace of a real API server.
func newTestKube(t *testing.T) (*Kube, *rest.Config) {
	t.Helper()
	config := sandbox.Config(t)
	sandbox.ApplyCRDs(t, "../../../deploy/crds")
	k, err := NewKube(config, sandbox.Namespace(t, config), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k, config
}

// load returns the content of a shard.
func load(t *testing.T, k *Kube, shard int) Shard {
	t.Helper()
	one, err := k.Load(t.Context(), shard)
	if err != nil {
		t.Fatal(err)
	}
	all, err := k.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(one[shard].Alerts) != fmt.Sprint(all[shard].Alerts) || !one[shard].AsOf.Equal(all[shard].AsOf) || one[shard].LostAt.IsZero() != all[shard].LostAt.IsZero() {
		t.Errorf("loaded alone the shard is %+v, want %+v as loaded with all", one[shard], all[shard])
	}
	return one[shard]
}

func testShardIsLoadedFromAPIServerAsItWasStored(t *testing.T) {
	k, _ := newTestKube(t)
	now := micro(time.Now())
	a := v1alpha1.AlertRecord{
		Endpoint: "shop/", Fingerprint: "00", Labels: map[string]string{"a": "<b>"}, StartsAt: now, LastSeen: now, EndsAt: &now, ResolvedAt: &now,
		LateFiring: &now, AbsentSince: &now, Until: &now, Group: "g",
	}
	if err := k.Save(t.Context(), 3, Shard{Alerts: []v1alpha1.AlertRecord{a}, AsOf: now.Time, LostAt: now.Time}); err != nil {
		t.Fatal(err)
	}
	got := load(t, k, 3)
	if len(got.Alerts) != 1 || !got.AsOf.Equal(now.Time) || !got.LostAt.Equal(now.Time) || fmt.Sprint(got.Alerts[0].LateFiring, got.Alerts[0].Until) != fmt.Sprint(&now, &now) {
		t.Errorf("loaded is %+v, want the saved shard with the times %s", got, now)
	}
	if changed, err := k.Check(t.Context()); err != nil || len(changed) != 0 {
		t.Errorf("unchanged: %v, %v", changed, err)
	}
}

func testLargestShardFitsIntoAPIServer(t *testing.T) {
	k, _ := newTestKube(t)
	s := New(k, time.Now)
	s.loadErr = nil
	began := time.Now()
	small := func(i int) Alert {
		return Alert{Labels: map[string]string{"i": strconv.Itoa(i)}, Firing: true, StartsAt: began}
	}
	deliver := func(some ...Alert) error { // It does not wait for the write.
		done, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Record(done, Delivery{Endpoint: shop, Alerts: some, At: began})
		return err
	}
	full := make([]Alert, MaxShard/overhead)
	for i := range full {
		full[i] = small(i)
	}
	_ = deliver(full...)
	n := len(s.writer.shards[0].entries)
	refused := false
	for i := range n { // Together the annotations are too large for the shard.
		a := small(i)
		a.Annotations = map[string]string{"text": strings.Repeat("<\"\u2028", 6000)}
		refused = refused || errors.Is(deliver(a), ErrFull)
	}
	if !refused {
		t.Error("no delivery was refused for a shard that is too large, want ErrFull")
	}
	if err := s.writer.save(t.Context(), s.writer.shards[0]); err != nil {
		t.Fatal(err)
	}
	if got := load(t, k, 0); len(got.Alerts) != n {
		t.Errorf("%d alerts were loaded, want %d", len(got.Alerts), n)
	}
}

func testAllShardsAreLoadedPageByPageAndForeignObjectsAreIgnored(t *testing.T) {
	k, _ := newTestKube(t)
	for i := range 2*loadPage + 1 {
		if err := k.Save(t.Context(), i, Shard{AsOf: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := k.Load(t.Context())
	if err != nil || len(all) != 2*loadPage+1 {
		t.Errorf("%d came back, %v", len(all), err)
	}
	k.remember(7, "")
	if changed, err := k.Check(t.Context()); err != nil || len(changed) != 1 || changed[0] != 7 {
		t.Errorf("changed are %v, %v", changed, err)
	}
}

func testAPIServerDoesNotTrackFieldsOfReplacedAlertSet(t *testing.T) {
	k, _ := newTestKube(t)
	for range 2 {
		if err := k.Save(t.Context(), 3, Shard{AsOf: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := k.client.Get().AbsPath(k.path(shardName(3))...).Do(t.Context()).Raw()
	var set v1alpha1.AlertSet
	if err := errors.Join(err, json.Unmarshal(raw, &set)); err != nil || len(set.ManagedFields) != 0 {
		t.Errorf("a replaced AlertSet has the managed fields %v, %v; want none", set.ManagedFields, err)
	}
}

func testDeletedAlertSetIsWrittenAgain(t *testing.T) {
	k, _ := newTestKube(t)
	if err := k.Save(t.Context(), 3, Shard{}); err != nil {
		t.Fatal(err)
	}
	if err := k.client.Delete().AbsPath(k.path(shardName(3))...).Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	if changed, err := k.Check(t.Context()); err != nil || len(changed) != 1 || changed[0] != 3 {
		t.Fatalf("changed are %v, %v", changed, err)
	}
	if err := k.Save(t.Context(), 3, Shard{}); !errors.Is(err, ErrConflict) {
		t.Fatalf("the first write returned %v", err)
	}
	load(t, k, 3)
	if err := k.Save(t.Context(), 3, Shard{AsOf: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if load(t, k, 3).AsOf.IsZero() {
		t.Error("the AlertSet was not written again, want it stored")
	}
}

func testInvalidAlertSetIsSetAsideAndCountsAsLost(t *testing.T) {
	k, _ := newTestKube(t)
	// The API server accepts a time without a fraction, which MicroTime does not.
	broken := `{"apiVersion":"impulse.sh/v1alpha1","kind":"AlertSet","metadata":{"name":"alerts-03"},"alerts":[{"endpoint":"shop/",
		"fingerprint":"00","firing":true,"startsAt":"2026-01-01T00:00:00Z","lastSeen":"2026-01-01T00:00:00Z"}]}`
	if err := k.client.Post().AbsPath(k.path()...).SetHeader("Content-Type", "application/json").Body([]byte(broken)).Do(t.Context()).Error(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // It stays lost until it is written again.
		if got := load(t, k, 3); got.LostAt.IsZero() || len(got.Alerts) != 0 {
			t.Errorf("an AlertSet that cannot be decoded is loaded as %+v, want an empty one with LostAt", got)
		}
	}
	if err := k.client.Get().AbsPath(k.path("alerts-03-broken")...).Do(t.Context()).Error(); err != nil {
		t.Errorf("the AlertSet was not set aside: %v", err)
	}
	lost := micro(time.Now()).Time
	if err := k.Save(t.Context(), 3, Shard{LostAt: lost}); err != nil {
		t.Fatal(err)
	}
	if got := load(t, k, 3); !got.LostAt.Equal(lost) {
		t.Errorf("LostAt is %s, want %s", got.LostAt, lost)
	}
}

// A real API server cannot be made to answer 429.
func test429OnRecordIsReturnedAtOnceAndNotRetried(t *testing.T) {
	for _, code := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		var requests atomic.Int64
		busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(code)
		}))
		k, err := NewKube(&rest.Config{Host: busy.URL}, "impulse", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Save(t.Context(), 3, Shard{}); err == nil || errors.Is(err, ErrConflict) || requests.Load() != 1 {
			t.Errorf("answered with %d: Save() = %v after %d requests, want an error after 1", code, err, requests.Load())
		}
		busy.Close()
	}
}
