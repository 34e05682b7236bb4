package status

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestLimit(t *testing.T) {
	t.Run("a limit that comes and goes is reported until it has been gone for a while", testLimitThatComesAndGoesIsReportedUntilItHasBeenGoneForWhile)
	t.Run("a limit that ends after a while is reported at once", testLimitThatEndsAfterWhileIsReportedAtOnce)
	t.Run("the first limit beside a new count is reported at once", testFirstLimitBesideNewCountIsReportedAtOnce)
	t.Run("after a restart a limit that comes and goes is not reported again", testAfterRestartLimitThatComesAndGoesIsNotReportedAgain)
}

// limited checks how many statuses were written, and which rules the last of them names.
func (d *env) limited(what string, writes int, by ...string) {
	d.t.Helper()
	s := d.last()
	if n := d.written(); n != writes {
		d.t.Errorf("%s: %d statuses, want %d", what, n, writes)
	}
	if got := s.LastDecision.LimitedBy; len(got) != len(by) || len(by) > 0 && got[0] != by[0] {
		d.t.Errorf("%s: it is limited by %v, want %v", what, got, by)
	}
}

func testLimitThatComesAndGoesIsReportedUntilItHasBeenGoneForWhile(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(100, nil)
		d.limited("at the maximum", 1)
		d.reportLevel(130, nil)
		d.limited("above it", 2, "maxReplicaCount")
		d.reportLevel(100, nil)
		d.limited("at it again", 2, "maxReplicaCount")
		d.reportLevel(130, nil)
		d.reportLevel(100, nil)
		d.limited("back and forth", 2, "maxReplicaCount")
		<-time.After(limitDelay - 5*time.Second)
		synctest.Wait()
		d.limited("almost for a while", 2, "maxReplicaCount")
		<-time.After(10 * time.Second) // No event arrives: the last one remains in effect.
		synctest.Wait()
		d.limited("for a while", 3)
		<-time.After(limitDelay)
		synctest.Wait()
		d.limited("for longer", 3)
	})
}

func testLimitThatEndsAfterWhileIsReportedAtOnce(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(130, nil)
		d.limited("above the maximum", 1, "maxReplicaCount")
		<-time.After(limitDelay)
		d.reportLevel(130, nil)
		d.limited("for a while", 1, "maxReplicaCount")
		d.reportLevel(100, nil)
		d.limited("at it", 2)
	})
}

func testFirstLimitBesideNewCountIsReportedAtOnce(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.reportLevel(130, nil)
		d.limited("above the maximum", 1, "maxReplicaCount")
		d.current = 10
		d.reportLevel(130, nil)
		d.limited("the count is the maximum", 2, "maxReplicaCount")
		d.reportLevel(100, nil)
		d.limited("the maximum is proposed", 3)
	})
}

func testAfterRestartLimitThatComesAndGoesIsNotReportedAgain(t *testing.T) {
	var before *v1alpha1.ScaledObjectStatus
	at(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.current = 10
		before = d.reportLevel(130, nil)
	})
	at(t, before, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(100, nil)
		d.writes(0)
		<-time.After(limitDelay)
		synctest.Wait()
		d.limited("it does not limit for a while", 1)
	})
	at(t, before, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(130, nil)
		<-time.After(2 * limitDelay)
		synctest.Wait()
		d.writes(0)
	})
}
