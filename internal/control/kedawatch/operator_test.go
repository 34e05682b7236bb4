package kedawatch

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestOperator(t *testing.T) {
	t.Parallel()
	t.Run("runs until its lease expires or is released", func(t *testing.T) { synctest.Test(t, testRunsUntilLeaseExpiresOrIsReleased) })
	t.Run("runs as long as its lease is renewed, although the watch has failed", func(t *testing.T) { synctest.Test(t, testRunsAlthoughWatchHasFailed) })
	t.Run("may run until the leases are known", testMayRunUntilLeasesAreKnown)
	t.Run("does not run with a lease from long ago", func(t *testing.T) { synctest.Test(t, testDoesNotRunWithLeaseFromLongAgo) })
}

// lease is a Lease of 15 s with a holder.
func lease(holder string, renewed time.Time) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "keda", "name": operatorLease, "resourceVersion": strconv.FormatInt(renewed.UnixNano(), 10)},
		"spec": map[string]any{
			"holderIdentity": holder, "leaseDurationSeconds": int64(15), "renewTime": renewed.UTC().Format(metav1.RFC3339Micro),
		},
	}}
}

// operatorEnv has an operator, and the Lease that the API server has.
type operatorEnv struct {
	*operator

	t       *testing.T
	changes atomic.Int32
	mu      sync.Mutex
	stored  *unstructured.Unstructured
	failure error
}

// newOperatorEnv returns an env in which the Leases are known.
func newOperatorEnv(t *testing.T) *operatorEnv {
	t.Helper()
	e := &operatorEnv{t: t}
	e.operator = newOperator(func() { e.changes.Add(1) }, slog.New(slog.DiscardHandler))
	e.known = true
	testkit.Background(t, func(ctx context.Context) error {
		e.expire(ctx, func(context.Context, string) (*unstructured.Unstructured, error) {
			e.mu.Lock()
			defer e.mu.Unlock()
			return e.stored, e.failure
		})
		return nil
	})
	return e
}

// store changes what the API server has, or why it does not answer.
func (e *operatorEnv) store(lease *unstructured.Unstructured, failure error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stored, e.failure = lease, failure
}

// renew stores a version of the Lease, which the watch reports.
func (e *operatorEnv) renew(holder string) {
	version := lease(holder, time.Now())
	e.store(version, nil)
	e.observe(version)
}

// pass waits for a time.
func (e *operatorEnv) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// expect fails the test unless the operator may run as wanted, after so many changes.
func (e *operatorEnv) expect(when string, want bool, wantChanges int32) {
	e.t.Helper()
	if got, changes := e.mayRun(), e.changes.Load(); got != want || changes != wantChanges {
		e.t.Errorf("%s: got mayRun %t after %d changes, want %t after %d", when, got, changes, want, wantChanges)
	}
}

func testRunsUntilLeaseExpiresOrIsReleased(t *testing.T) {
	e := newOperatorEnv(t)
	e.expect("without a lease", false, 0)
	e.renew("a")
	e.pass(10 * time.Second)
	e.renew("a")
	e.pass(14 * time.Second)
	e.expect("14 s after it was renewed", true, 0)
	e.pass(2 * time.Second)
	e.expect("after it expired", false, 1)
	e.renew("b")
	e.expect("with another holder", true, 1)
	e.renew("")
	e.expect("after it was released", false, 2)
	e.pass(time.Minute)
	e.expect("a minute later", false, 2)
}

func testRunsAlthoughWatchHasFailed(t *testing.T) {
	e := newOperatorEnv(t)
	e.renew("a")
	e.store(nil, errors.New("connection refused"))
	e.pass(time.Minute)
	e.expect("while the Lease cannot be read", true, 0)
	e.store(lease("a", time.Now()), nil)
	e.pass(20 * time.Second)
	e.expect("with a version that the watch has not reported", true, 0)
	e.pass(20 * time.Second)
	e.expect("without a later version", false, 1)
	e.renew("b")
	e.store(nil, apierrors.NewNotFound(schema.GroupResource{Resource: "leases"}, operatorLease))
	e.pass(20 * time.Second)
	e.expect("once it is deleted", false, 2)
}

func testMayRunUntilLeasesAreKnown(t *testing.T) {
	t.Parallel()
	if o := newOperator(func() {}, slog.New(slog.DiscardHandler)); !o.mayRun() {
		t.Error("before the leases are known: got mayRun false, want true")
	}
}

func testDoesNotRunWithLeaseFromLongAgo(t *testing.T) {
	e := newOperatorEnv(t)
	e.observe(lease("a", time.Now().Add(-time.Hour)))
	e.expect("with a lease of an hour ago", false, 0)
	e.observe(lease("a", time.Now().Add(-time.Minute))) // It may be the other machine's clock.
	e.expect("with a lease of a minute ago", true, 0)
}
