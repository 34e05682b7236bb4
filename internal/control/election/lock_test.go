package election

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestLock(t *testing.T) {
	t.Parallel()
	t.Run("a Lease that another process holds is not released", testLeaseThatAnotherProcessHoldsIsNotReleased)
}

// A process that was frozen for longer than its Lease assumes, when it resumes, that it still holds the Lease, and would release it.
func testLeaseThatAnotherProcessHoldsIsNotReleased(t *testing.T) {
	t.Parallel()
	config := sandbox.Config(t)
	namespace := sandbox.Namespace(t, config)
	candidate := func(name string) *renewLock {
		elector, err := New(config, Options{Namespace: namespace, Name: "impulse", Identity: name})
		if err != nil {
			t.Fatal(err)
		}
		return &renewLock{Interface: elector.lease, elector: elector}
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
