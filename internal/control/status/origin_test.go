package status

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestOrigin(t *testing.T) {
	t.Run("a caller waits until the original count is stored", testCallerWaitsUntilOriginalCountIsStored)
	t.Run("a caller waits no longer once the status is not going to be written", testCallerWaitsNoLongerOnceStatusIsNotWritten)
	t.Run("nothing is kept about a deleted object", testNothingIsKeptAboutDeletedObject)
}

// storeOriginal stores the original count of the workload's target, and returns how long it took, and the error.
func (d *env) storeOriginal() (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	began := time.Now()
	err = d.reporter.StoreOriginal(ctx, Object{d.spec.Namespace, d.spec.Name, string(d.spec.UID)}, d.spec.Target.String(), 3)
	return time.Since(began), err
}

func testCallerWaitsUntilOriginalCountIsStored(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.store.fail = errors.New("no answer")
		time.AfterFunc(time.Second/2, func() {
			d.store.mu.Lock()
			defer d.store.mu.Unlock()
			d.store.fail = nil
		})
		if took, err := d.storeOriginal(); err != nil || took != time.Second {
			t.Errorf("got error %v after %s, want none with the second try after 1s", err, took)
		}
		if s := d.last(); s == nil || s.OriginalReplicaCount == nil || *s.OriginalReplicaCount != 3 {
			t.Errorf("got the status %v, want one with the original count 3", s)
		}
	})
}

func testCallerWaitsNoLongerOnceStatusIsNotWritten(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.store.fail = ErrGone
		if took, err := d.storeOriginal(); !errors.Is(err, ErrGone) || took != 0 {
			t.Errorf("got error %v after %s, want %v at once", err, took, ErrGone)
		}
		d.store.fail = errors.New("no answer")
		time.AfterFunc(time.Second/2, func() { d.reporter.Forget(d.spec.Namespace, d.spec.Name) })
		if took, err := d.storeOriginal(); !errors.Is(err, ErrGone) || took != time.Second/2 {
			t.Errorf("got error %v after %s, want %v when the object is deleted, after 500ms", err, took, ErrGone)
		}
	})
}

func testNothingIsKeptAboutDeletedObject(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.reporter.Forget(d.spec.Namespace, d.spec.Name)
		if _, err := d.storeOriginal(); !errors.Is(err, ErrGone) {
			t.Errorf("got error %v, want %v", err, ErrGone)
		}
		synctest.Wait()
		if n := len(d.reporter.objects); n != 0 {
			t.Errorf("the reporter has %d objects, want none", n)
		}
	})
}
