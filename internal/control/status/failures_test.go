package status

import (
	"errors"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

func TestFailures(t *testing.T) {
	t.Run("consecutive failures are written until they change nothing", testConsecutiveFailuresAreWrittenUntilTheyChangeNothing)
	t.Run("consecutive failures are counted across restarts", testConsecutiveFailuresAreCountedAcrossRestarts)
}

// cautious gives an env's policy a fallback to six after three failures in a row.
func (d *env) cautious() {
	d.spec.Policy.Fallback = &scalers.Fallback{FailureThreshold: 3, Replicas: 6}
}

func testConsecutiveFailuresAreWrittenUntilTheyChangeNothing(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.cautious()
		d.reportLevel(30, nil)
		for n := 1; n <= 4; n++ {
			d.reportLevel(0, errors.New("connection refused"))
			d.writes(1 + n)
		}
		for range 100 {
			d.reportLevel(0, errors.New("connection refused"))
		}
		d.writes(5)
	})
}

// A leader that does not live long must not keep a workload from its fallback.
func testConsecutiveFailuresAreCountedAcrossRestarts(t *testing.T) {
	var status *v1alpha1.ScaledObjectStatus
	at(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.cautious()
		status = d.reportLevel(30, nil)
	})
	for life := 1; life <= 4; life++ {
		at(t, status, func(t *testing.T, d *env) {
			d.cautious()
			if err := d.memory.UnmarshalText([]byte(status.Memory)); err != nil {
				t.Fatal(err)
			}
			d.memory = d.memory.Resume(scalers.InstantOf(time.Now()))
			status = d.reportLevel(0, errors.New("connection refused"))
			d.writes(1)
			want := int32(3)
			if life > 3 {
				want = 6
			}
			if got := *status.DesiredReplicas; got != want {
				t.Errorf("in life %d it is %d, expected %d", life, got, want)
			}
		})
	}
}
