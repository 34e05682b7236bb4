package status

import (
	"errors"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

func TestFailures(t *testing.T) {
	t.Run("consecutive failures are written until further ones do not change the outcome", testConsecutiveFailuresAreWrittenUntilFurtherOnesDoNotChangeOutcome)
	t.Run("consecutive failures are counted across restarts", testConsecutiveFailuresAreCountedAcrossRestarts)
	t.Run("a trigger falls back also when its count stays the same", testTriggerFallsBackAlsoWhenItsCountStaysSame)
}

// setFallback gives the env's policy a fallback to six replicas after more than three failures in a row.
func (d *env) setFallback() {
	d.spec.Policy.Fallback = &scalers.Fallback{FailureThreshold: 3, Replicas: 6}
}

func testConsecutiveFailuresAreWrittenUntilFurtherOnesDoNotChangeOutcome(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.setFallback()
		d.reportLevel(30, nil)
		for n := 1; n <= 4; n++ {
			d.reportLevel(0, errors.New("connection refused"))
			d.expectWrites(1 + n)
		}
		for range 100 {
			d.reportLevel(0, errors.New("connection refused"))
		}
		d.expectWrites(5)
	})
}

// Frequent restarts of the leader must not prevent the fallback.
func testConsecutiveFailuresAreCountedAcrossRestarts(t *testing.T) {
	var status *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.setFallback()
		status = d.reportLevel(30, nil)
	})
	for restart := 1; restart <= 4; restart++ {
		in(t, status, func(t *testing.T, d *env) {
			d.setFallback()
			if err := d.memory.UnmarshalText([]byte(status.Memory)); err != nil {
				t.Fatal(err)
			}
			d.memory = d.memory.Resume(scalers.InstantOf(time.Now()))
			status = d.reportLevel(0, errors.New("connection refused"))
			d.expectWrites(1)
			want := int32(3)
			if restart > 3 {
				want = 6
			}
			if got := *status.DesiredReplicas; got != want {
				t.Errorf("after restart %d: desired replicas %d, want %d", restart, got, want)
			}
		})
	}
}

func testTriggerFallsBackAlsoWhenItsCountStaysSame(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Policy.Fallback = &scalers.Fallback{FailureThreshold: 1, Behavior: scalers.FallbackCurrentReplicas}
		for n, want := range []bool{false, false, true, true} {
			var err error
			if n > 0 {
				err = errors.New("connection refused")
			}
			if got := d.reportLevel(30, err).Triggers[0].Fallback; got != want {
				t.Errorf("after %d failures: got fallback %t, want %t", n, got, want)
			}
		}
		if got := d.reportLevel(30, nil).Triggers[0]; got.Fallback {
			t.Errorf("got %+v after a reading that succeeded, want no fallback", got)
		}
	})
}
