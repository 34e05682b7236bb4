package election

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/third_party/leaderelection/resourcelock"
)

func TestLock(t *testing.T) {
	t.Parallel()
	t.Run("a Lease that another process holds is not released", testLeaseThatAnotherProcessHoldsIsNotReleased)
	t.Run("a Lease that was deleted is not updated", testLeaseThatWasDeletedIsNotUpdated)
	t.Run("a failure is logged again when its reason changes", testFailureIsLoggedAgainWhenItsReasonChanges)
}

// A process that was frozen for longer than its Lease assumes, when it resumes, that it still holds the Lease, and would release it.
func testLeaseThatAnotherProcessHoldsIsNotReleased(t *testing.T) {
	t.Parallel()
	config := sandbox.Config(t)
	meta := metav1.ObjectMeta{Namespace: sandbox.Namespace(t, config), Name: "impulse"}
	client, err := typed.NewLeases(config, meta.Namespace) // Without a time-out, which is not the subject.
	if err != nil {
		t.Fatal(err)
	}
	candidate := func(name string) *renewLock {
		elector, err := New(config, Options{Namespace: meta.Namespace, Name: meta.Name, Identity: name})
		if err != nil {
			t.Fatal(err)
		}
		lease := &resourcelock.LeaseLock{Client: client, LeaseMeta: meta, LockConfig: resourcelock.ResourceLockConfig{Identity: name}}
		return &renewLock{Interface: lease, elector: elector}
	}
	held := func(by string) resourcelock.LeaderElectionRecord {
		record := resourcelock.LeaderElectionRecord{HolderIdentity: by, LeaseDurationSeconds: 5, AcquireTime: metav1.Now(), RenewTime: metav1.Now()}
		if by == "" {
			record.LeaseDurationSeconds = releasedSeconds
		}
		return record
	}
	frozen, other := candidate("frozen"), candidate("other")
	if err := frozen.Create(t.Context(), held("frozen")); err != nil {
		t.Fatal(err)
	}
	expectHolder := func(r *renewLock, holder string) {
		t.Helper()
		record, _, err := r.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if record.HolderIdentity != holder {
			t.Errorf("%q holds the lease, want %q", record.HolderIdentity, holder)
		}
	}
	expectHolder(other, "frozen")
	if err := other.Update(t.Context(), held("other")); err != nil {
		t.Fatal(err)
	}

	expectHolder(frozen, "other")
	if err := frozen.Update(t.Context(), held("")); err != nil {
		t.Errorf("releasing a lease that another process holds: got error %v, want none", err)
	}
	expectHolder(other, "other")
	if !frozen.elector.Deadline().IsZero() {
		t.Error("after the Lease was released, the former holder still has a deadline")
	}

	if err := other.Update(t.Context(), held("")); err != nil {
		t.Fatal(err)
	}
	expectHolder(frozen, "")
}

// client-go renews a Lease that it has just found missing and could not create, as in a namespace that is being deleted.
func testLeaseThatWasDeletedIsNotUpdated(t *testing.T) {
	t.Parallel()
	config := sandbox.Config(t)
	var output bytes.Buffer
	elector, err := New(config, Options{
		Namespace: sandbox.Namespace(t, config), Name: "impulse", Identity: "leader", Log: slog.New(slog.NewTextHandler(&output, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &renewLock{Interface: elector.lease, elector: elector}
	record := resourcelock.LeaderElectionRecord{HolderIdentity: "leader", LeaseDurationSeconds: 5, AcquireTime: metav1.Now(), RenewTime: metav1.Now()}
	if _, _, err := r.Get(t.Context()); !apierrors.IsNotFound(err) {
		t.Fatalf("got %v, want that there is no Lease", err)
	}
	if err := r.Update(t.Context(), record); !errors.Is(err, errMissing) || output.Len() > 0 {
		t.Errorf("got %v and the log %q, want %v and no log", err, output.String(), errMissing)
	}
	if err := r.Create(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	r.renewed = r.renewed.Add(-RenewInterval)
	if err := r.Update(t.Context(), record); err != nil {
		t.Error(err)
	}
}

func testFailureIsLoggedAgainWhenItsReasonChanges(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	r := &renewLock{Interface: &resourcelock.LeaseLock{}, elector: &Elector{log: slog.New(slog.NewTextHandler(&output, nil))}}
	late, missing := errors.New("no answer"), apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	for _, err := range []error{late, late, missing, missing, nil, missing} {
		r.logFailure(t.Context(), err)
	}
	if got := output.String(); strings.Count(got, "\n") != 3 || strings.Count(got, "no answer") != 1 || strings.Count(got, "not found") != 2 {
		t.Errorf("the log is\n%swant that there was no answer, and twice that the namespace is not found", got)
	}
}
