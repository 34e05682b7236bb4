package kedawatch

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestOperator(t *testing.T) {
	t.Parallel()
	t.Run("runs until its lease expires or is released", func(t *testing.T) { synctest.Test(t, testRunsUntilLeaseExpiresOrIsReleased) })
	t.Run("may run until the leases are known", testMayRunUntilLeasesAreKnown)
	t.Run("does not run with a lease from long ago", func(t *testing.T) { synctest.Test(t, testDoesNotRunWithLeaseFromLongAgo) })
}

// lease is a Lease of 15 s with a holder.
func lease(holder string, renewed time.Time) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "keda", "name": operatorLease},
		"spec": map[string]any{
			"holderIdentity": holder, "leaseDurationSeconds": int64(15), "renewTime": renewed.UTC().Format(metav1.RFC3339Micro),
		},
	}}
}

// expect fails the test unless the operator may run as wanted, after so many changes.
func (o *operator) expect(t *testing.T, when string, want bool, changes *atomic.Int32, wantChanges int32) {
	t.Helper()
	if got, changes := o.mayRun(), changes.Load(); got != want || changes != wantChanges {
		t.Errorf("%s: got mayRun %t after %d changes, want %t after %d", when, got, changes, want, wantChanges)
	}
}

func testRunsUntilLeaseExpiresOrIsReleased(t *testing.T) {
	changes := new(atomic.Int32)
	o := newOperator(func() { changes.Add(1) })
	o.known = true
	log := slog.New(slog.DiscardHandler)
	o.expect(t, "without a lease", false, changes, 0)
	o.observe(lease("a", time.Now()), log)
	<-time.After(10 * time.Second)
	o.observe(lease("a", time.Now()), log)
	<-time.After(14 * time.Second)
	o.expect(t, "14 s after it was renewed", true, changes, 0)
	<-time.After(2 * time.Second)
	synctest.Wait()
	o.expect(t, "after it expired", false, changes, 1)
	o.observe(lease("b", time.Now()), log)
	o.expect(t, "with another holder", true, changes, 1)
	o.observe(lease("", time.Now()), log)
	o.expect(t, "after it was released", false, changes, 2)
	<-time.After(time.Minute)
	synctest.Wait()
	o.expect(t, "a minute later", false, changes, 2)
}

func testMayRunUntilLeasesAreKnown(t *testing.T) {
	t.Parallel()
	o := newOperator(func() {})
	o.expect(t, "before the leases are known", true, new(atomic.Int32), 0)
}

func testDoesNotRunWithLeaseFromLongAgo(t *testing.T) {
	o := newOperator(func() {})
	o.known = true
	o.observe(lease("a", time.Now().Add(-time.Hour)), slog.New(slog.DiscardHandler))
	o.expect(t, "with a lease of an hour ago", false, new(atomic.Int32), 0)
	o.observe(lease("a", time.Now().Add(-time.Minute)), slog.New(slog.DiscardHandler)) // It may be the other machine's clock.
	o.expect(t, "with a lease of a minute ago", true, new(atomic.Int32), 0)
	<-time.After(15 * time.Second)
}
