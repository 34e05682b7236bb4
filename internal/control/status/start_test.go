package status

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestStart(t *testing.T) {
	t.Run("a source that answers late, or fails first, causes no write after a restart", testSourceThatAnswersLateOrFailsFirstCausesNoWrite)
	t.Run("a target that is observed late causes no write after a restart", testTargetThatIsObservedLateCausesNoWrite)
	t.Run("what is still unknown soon after a restart is written", testWhatIsStillUnknownSoonAfterRestartIsWritten)
	t.Run("a new object is written once, unless its source is very late", testNewObjectIsWrittenOnceUnlessSourceIsVeryLate)
	t.Run("what is known after a restart is written at once", testWhatIsKnownAfterRestartIsWrittenAtOnce)
}

// answering is a source that begins to answer after some time, with the level that 10 replicas are for. Its first readings may fail.
func answering(after time.Duration, failures int) triggers.Source {
	return &wobble{offset: after, next: func(*rand.Rand) (int64, error) {
		if failures--; failures >= 0 {
			return 0, errors.New("no answer within 3s")
		}
		return 1000, nil
	}}
}

const never = 1 << 30

// steadyStatus returns the status of a workload whose n triggers are known.
func steadyStatus(t *testing.T, n int) (status *v1alpha1.ScaledObjectStatus) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, nil, []triggers.Source{answering(0, 0), answering(0, 0)}[:n]...)
		s.hour()
		s.stop()
		status = s.last()
	})
	return status
}

func testSourceThatAnswersLateOrFailsFirstCausesNoWrite(t *testing.T) {
	for name, sources := range map[string][]triggers.Source{
		"one is read after the first decision": {answering(4*time.Second, 0)},
		"one of two is":                        {answering(0, 0), answering(8*time.Second, 0)},
		"the first reading fails":              {answering(0, 1)},
		"the first reading of one of two does": {answering(100*time.Millisecond, 0), answering(3*time.Second, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			before := steadyStatus(t, len(sources))
			synctest.Test(t, func(t *testing.T) {
				s := runWorkload(t, 10, before, nil, sources...)
				defer s.stop()
				s.hour()
				if statuses, events := s.written(); statuses > 0 || events > 0 {
					t.Errorf("%d statuses and %d Events were written, want none", statuses, events)
				}
				if n := len(s.present().History); n != len(before.History) {
					t.Errorf("the history has %d decisions, want the %d from before", n, len(before.History))
				}
			})
		})
	}
}

func testTargetThatIsObservedLateCausesNoWrite(t *testing.T) {
	var before *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) { before = d.reportLevel(30, nil) })
	in(t, before, func(_ *testing.T, d *env) {
		d.reportLevel(30, nil, func(o *autoscaler.Outcome) {
			o.Decided, o.TargetKnown, o.Target = false, false, actuator.Observation{Ready: -1, Err: errors.New("the server is busy")}
		})
		d.reportLevel(30, nil)
		d.expectWrites(0)
	})
	in(t, before, func(_ *testing.T, d *env) {
		d.reportLevel(30, nil, func(o *autoscaler.Outcome) {
			o.Decided, o.TargetKnown, o.Target = false, false, actuator.Observation{Ready: -1, Err: actuator.ErrNotFound}
		})
		d.expectWrites(1)
	})
}

func testWhatIsStillUnknownSoonAfterRestartIsWritten(t *testing.T) {
	before := steadyStatus(t, 2)
	for name, c := range map[string]struct {
		second       triggers.Source
		after        time.Duration
		ready, error string
		events       int
	}{
		"a source that fails":         {answering(0, never), startGrace, v1alpha1.ReasonTriggerFailed, "no answer within 3s", 1},
		"a source that is never read": {answering(time.Hour, 0), firstReadingGrace, v1alpha1.ReasonWaitingForTriggers, notReadYet, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := runWorkload(t, 10, before, nil, answering(0, 0), c.second)
				defer s.stop()
				<-time.After(c.after + 3*minInterval)
				synctest.Wait()
				if statuses, events := s.written(); statuses != 1 || events != c.events {
					t.Fatalf("%d statuses and %d Events were written, want 1 and %d", statuses, events, c.events)
				}
				if got := meta.FindStatusCondition(s.last().Conditions, v1alpha1.ConditionReady).Reason; got != c.ready {
					t.Errorf("the condition Ready has the reason %s, want %s", got, c.ready)
				}
				s.expectError("after the grace", c.error, s.last().Triggers[1].LastError)
			})
		})
	}
}

func testWhatIsKnownAfterRestartIsWrittenAtOnce(t *testing.T) {
	before := steadyStatus(t, 2)
	// was returns a change of the stored status: a condition was False.
	was := func(condition, reason string) func(*v1alpha1.ScaledObjectStatus) {
		return func(stored *v1alpha1.ScaledObjectStatus) {
			c := meta.FindStatusCondition(stored.Conditions, condition)
			c.Status, c.Reason = metav1.ConditionFalse, reason
		}
	}
	for name, c := range map[string]struct {
		count  int32
		set    func(*scalers.Policy)
		stored func(*v1alpha1.ScaledObjectStatus)
		level  int64
	}{
		"a count that another client changed":        {12, nil, nil, 1000},
		"a count that is raised":                     {10, nil, nil, 1500},
		"a pause":                                    {10, func(p *scalers.Policy) { p.Paused.All = true }, nil, 1000},
		"a count that was not written, and now is":   {10, nil, was(v1alpha1.ConditionAbleToScale, v1alpha1.ReasonDryRun), 1000},
		"an object that was refused, and now is not": {10, nil, was(v1alpha1.ConditionReady, v1alpha1.ReasonTargetInUse), 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stored := before.DeepCopy()
				if c.stored != nil {
					c.stored(stored)
				}
				s := runWorkload(t, c.count, stored, c.set, script(func(time.Duration) (int64, error) { return c.level, nil }), answering(0, never))
				defer s.stop()
				<-time.After(2 * minInterval)
				synctest.Wait()
				if statuses, _ := s.written(); statuses == 0 {
					t.Error("no status was written, want one")
				}
			})
		})
	}
}

func testNewObjectIsWrittenOnceUnlessSourceIsVeryLate(t *testing.T) {
	for delay, want := range map[time.Duration]int{0: 1, 8 * time.Second: 1, time.Minute: 2} {
		synctest.Test(t, func(t *testing.T) {
			s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, nil, answering(delay, 0))
			defer s.stop()
			s.hour()
			if statuses, _ := s.written(); statuses != want {
				t.Errorf("%d statuses were written for a source that answers after %s, want %d", statuses, delay, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := runWorkload(t, 10, &v1alpha1.ScaledObjectStatus{}, nil, answering(0, never), answering(time.Hour, 0))
		defer s.stop()
		<-time.After(3 * minInterval)
		synctest.Wait()
		s.expectError("at once", "no answer within 3s", s.last().Triggers[0].LastError)
	})
}
