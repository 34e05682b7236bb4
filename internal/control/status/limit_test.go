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

// expectLimit fails the test unless this many statuses were written, and the last one names these rules.
func (d *env) expectLimit(what string, writes int, by ...string) {
	d.t.Helper()
	s := d.last()
	if n := d.written(); n != writes {
		d.t.Errorf("%s: %d statuses were written, want %d", what, n, writes)
	}
	if got := s.LastDecision.LimitedBy; len(got) != len(by) || len(by) > 0 && got[0] != by[0] {
		d.t.Errorf("%s: lastDecision.limitedBy is %v, want %v", what, got, by)
	}
}

func testLimitThatComesAndGoesIsReportedUntilItHasBeenGoneForWhile(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(100, nil)
		d.expectLimit("at the maximum", 1)
		d.reportLevel(130, nil)
		d.expectLimit("above it", 2, "maxReplicaCount")
		d.reportLevel(100, nil)
		d.expectLimit("at it again", 2, "maxReplicaCount")
		d.reportLevel(130, nil)
		d.reportLevel(100, nil)
		d.expectLimit("back and forth", 2, "maxReplicaCount")
		<-time.After(shortestSettling - 5*time.Second)
		synctest.Wait()
		d.expectLimit("almost for a while", 2, "maxReplicaCount")
		<-time.After(10 * time.Second) // No event arrives: the last one remains in effect.
		synctest.Wait()
		d.expectLimit("for a while", 3)
		<-time.After(shortestSettling)
		synctest.Wait()
		d.expectLimit("for longer", 3)
	})
}

func testLimitThatEndsAfterWhileIsReportedAtOnce(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(130, nil)
		d.expectLimit("above the maximum", 1, "maxReplicaCount")
		<-time.After(shortestSettling)
		d.reportLevel(130, nil)
		d.expectLimit("for a while", 1, "maxReplicaCount")
		d.reportLevel(100, nil)
		d.expectLimit("at it", 2)
	})
}

func testFirstLimitBesideNewCountIsReportedAtOnce(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.reportLevel(130, nil)
		d.expectLimit("above the maximum", 1, "maxReplicaCount")
		d.current = 10
		d.reportLevel(130, nil)
		d.expectLimit("the count is the maximum", 2, "maxReplicaCount")
		d.reportLevel(100, nil)
		d.expectLimit("the maximum is proposed", 3)
	})
}

func testAfterRestartLimitThatComesAndGoesIsNotReportedAgain(t *testing.T) {
	var before *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.current = 10
		before = d.reportLevel(130, nil)
	})
	in(t, before, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(100, nil)
		d.expectWrites(0)
		<-time.After(shortestSettling)
		synctest.Wait()
		d.expectLimit("it does not limit for a while", 1)
	})
	in(t, before, func(_ *testing.T, d *env) {
		d.current = 10
		d.reportLevel(130, nil)
		<-time.After(2 * shortestSettling)
		synctest.Wait()
		d.expectWrites(0)
	})
}
