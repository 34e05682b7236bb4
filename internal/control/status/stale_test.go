package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

func TestStale(t *testing.T) {
	t.Run("a stale alert is a condition until it is repeated", testStaleAlertIsConditionUntilItIsRepeated)
	t.Run("an expired alert is reported in the condition, the events and the history", testExpiredAlertIsReportedInConditionEventsAndHistory)
	t.Run("the end of a stale alert is pending with the level of that instant", testEndOfStaleAlertIsPendingWithLevelOfThatInstant)
}

func testStaleAlertIsConditionUntilItIsRepeated(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		staleCondition := func(stale string) *metav1.Condition {
			t.Helper()
			d.stale = stale
			return meta.FindStatusCondition(d.reportLevel(30, nil).Conditions, v1alpha1.ConditionAlertStale)
		}
		if got := staleCondition(""); got != nil {
			t.Errorf("an object that never had a stale alert has the condition %v", got)
		}
		if got := staleCondition("alert Slow was not repeated since noon"); got == nil || got.Status != metav1.ConditionTrue ||
			got.Message != "queue: alert Slow was not repeated since noon" {
			t.Errorf("stale: %v", got)
		}
		if got := staleCondition(""); got == nil || got.Status != metav1.ConditionFalse || got.Reason != "NotStale" || got.Message != "" {
			t.Errorf("repeated: %v", got)
		}
	})
}

// setLapsed edits an outcome: the ttl of an alert has expired just now.
func setLapsed(p *autoscaler.Outcome) {
	p.Events[0].Lapsed = "alert Slow was not repeated within its ttl"
}

func testExpiredAlertIsReportedInConditionEventsAndHistory(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		var recorded eventRecorder
		d.reporter.recorder = &recorded
		d.stale = "alert Slow was not repeated since noon"
		d.reportLevel(30, nil)
		d.stale = ""
		s := d.reportLevel(10, nil, setLapsed, func(p *autoscaler.Outcome) {
			p.Write = &loop.EndedWrite{From: 3, To: 1, Stored: 1, Decision: p.Decision, Policy: d.spec.Policy, Latency: -1}
		})
		const lapse = "queue: alert Slow was not repeated within its ttl"
		if got := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionAlertStale); got == nil ||
			got.Status != metav1.ConditionFalse || got.Reason != "TTLExpired" || got.Message != lapse {
			t.Errorf("the condition is %v", got)
		}
		if why := s.History[0].Why; !strings.HasSuffix(why, "; "+lapse) {
			t.Errorf("the history has the reason %q", why)
		}
		d.reportLevel(30, nil)
		want := []string{
			"true AlertStale: queue: alert Slow was not repeated since noon",
			"true TTLExpired: " + lapse,
			"false Scaled: Deployment/web from 3 to 1: queue is 10, target 10 per replica: asks for 1; " + lapse,
			"false Recovered: TTLExpired is over: the alert of trigger queue fires again",
		}
		if !slices.Equal(recorded, want) {
			t.Errorf("the Events are\n%s\nwant\n%s", strings.Join(recorded, "\n"), strings.Join(want, "\n"))
		}
		d.current = 1
		if s = d.reportLevel(70, nil, setLapsed); s.History[0].To != 7 || strings.Contains(s.History[0].Why, lapse) {
			t.Errorf("a raise has the reason of an expired alert: %q", s.History[0].Why)
		}
	})
}

func testEndOfStaleAlertIsPendingWithLevelOfThatInstant(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.stale = "alert Slow was not repeated since noon"
		over := time.Now().Add(time.Minute)
		for range 2 {
			over = over.Add(time.Second)
			s := d.reportLevel(30, nil, func(p *autoscaler.Outcome) { p.Events[0].Foreseen.At = scalers.InstantOf(over) })
			if got := s.Triggers[0].Pending; got == nil || !got.At.Time.Equal(over) || got.Value != "0" {
				t.Errorf("%+v is pending, want 0 at %s", got, over)
			}
		}
	})
}
