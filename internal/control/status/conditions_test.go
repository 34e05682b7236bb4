package status

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

func TestConditions(t *testing.T) {
	t.Run("Ready is false while there is no target", testReadyIsFalseWhileThereIsNoTarget)
	t.Run("a missing target does not hide other mistakes", testMissingTargetDoesNotHideOtherMistakes)
	t.Run("Active is unknown while a trigger is unknown and none is active", testActiveIsUnknownWhileTriggerIsUnknownAndNoneIsActive)
	t.Run("a forbidden request points to the missing permission", testForbiddenRequestPointsToMissingPermission)
	t.Run("an object stays ready while the watch of its target fails", testObjectStaysReadyWhileWatchOfItsTargetFails)
	t.Run("a pause is a condition at once", testPauseIsConditionAtOnce)
	t.Run("a pause ends in the condition at its end", testPauseEndsInConditionAtItsEnd)
	t.Run("the reason is that of the newest decision", testReasonIsThatOfNewestDecision)
	t.Run("a stale alert is the condition's reason", testStaleAlertIsConditionsReason)
	t.Run("a waiting alert is the condition's reason, and its level is pending", testWaitingAlertIsConditionsReasonAndItsLevelIsPending)
	t.Run("an object that is accepted again is ready although nothing else changed", testObjectThatIsAcceptedAgainIsReadyAlthoughNothingElseChanged)
	t.Run("an object that is refused at the start is ready once it is accepted", testObjectThatIsRefusedAtStartIsReadyOnceItIsAccepted)
	t.Run("an event names each reason once", testEventNamesEachReasonOnce)
}

// missingTarget returns an edit of an outcome: the target cannot be read because of err.
func missingTarget(err error) func(*autoscaler.Outcome) {
	return func(p *autoscaler.Outcome) {
		p.Target, p.TargetKnown = actuator.Observation{Err: fmt.Errorf("watch Deployment/web: %w", err)}, false
	}
}

func testReadyIsFalseWhileThereIsNoTarget(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*autoscaler.Outcome)
		reason string
		active string
	}{
		"missing":           {missingTarget(actuator.ErrNotFound), "TargetNotFound", "False/TargetNotFound"},
		"without a scale":   {missingTarget(actuator.ErrNoScale), "NoScaleSubresource", "False/NoScaleSubresource"},
		"not to be read":    {missingTarget(actuator.ErrForbidden), "Forbidden", "False/Forbidden"},
		"not to be written": {func(p *autoscaler.Outcome) { p.WriteErr = fmt.Errorf("write: %w", actuator.ErrForbidden) }, "Forbidden", "True/TriggerActive"},
		"another's":         {func(p *autoscaler.Outcome) { p.Target.ForeignHPA = "theirs" }, "ForeignHPA", "True/TriggerActive"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
				d.reportLevel(30, nil)
				s := d.reportLevel(30, nil, c.edit)
				got := reasonsOf(s)
				if got["Ready"] != "False/"+c.reason || got["AbleToScale"] != "False/"+c.reason || s.Reason != c.reason || got["Active"] != c.active {
					t.Errorf("conditions %v, reason %s", got, s.Reason)
				}
				if got := reasonsOf(d.reportLevel(30, nil)); got["Ready"] != "True/Ready" || got["Active"] != "True/TriggerActive" {
					t.Errorf("once there is a target, the conditions are %v", got)
				}
			})
		})
	}
}

func testMissingTargetDoesNotHideOtherMistakes(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		s := d.reportLevel(0, errors.New("connection refused"), missingTarget(actuator.ErrNotFound))
		const want = "there is no Deployment web in namespace shop; queue: connection refused"
		if got := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); got == nil || got.Message != want {
			t.Errorf("Ready is %+v, want the message %q", got, want)
		}
	})
}

func testActiveIsUnknownWhileTriggerIsUnknownAndNoneIsActive(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Triggers = append(d.spec.Triggers, compile.Trigger{Name: "alert"})
		d.spec.Policy.Triggers = append(d.spec.Policy.Triggers, scalers.Trigger{Name: "alert", Target: 1000, Exact: true, Continuous: true})
		for want, c := range map[string]struct {
			level int64
			err   error
		}{"Unknown/TriggerUnknown": {0, errors.New("connection refused")}, "True/TriggerActive": {5, errors.New("connection refused")}, "False/NoTriggerActive": {0, nil}} {
			now := scalers.InstantOf(time.Now())
			s := d.reportEvents([]scalers.Event{
				{Trigger: "queue", At: now, Value: scalers.Milli(c.level * 1000), Current: d.current, Ready: d.current},
				{Trigger: "alert", At: now, Current: d.current, Err: c.err},
			})
			if got := reasonsOf(s)["Active"]; got != want {
				t.Errorf("Active is %s, want %s", got, want)
			}
		}
	})
}

func testForbiddenRequestPointsToMissingPermission(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		var recorded eventRecorder
		d.reporter.recorder = &recorded
		const want = "watch Deployment/web: not allowed (see Permissions in deploy/manifests/README.md)"
		s := d.reportLevel(30, nil, missingTarget(actuator.ErrForbidden))
		if got := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); got == nil || got.Message != want {
			t.Errorf("Ready is %+v, want the message %q", got, want)
		}
		d.reportLevel(30, nil)
		if want := []string{"true Forbidden: " + want, "false Recovered: Forbidden is over: Deployment/web can be scaled again"}; !slices.Equal(recorded, want) {
			t.Errorf("the Events are %q, want %q", recorded, want)
		}
	})
}

// The count of the target stays known while the API server is unavailable.
func testObjectStaysReadyWhileWatchOfItsTargetFails(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		conditions := func(known bool) map[string]string {
			return reasonsOf(d.reportLevel(30, nil, func(p *autoscaler.Outcome) {
				p.Target.Err, p.TargetKnown = errors.New("watch Deployment/web: connection refused"), known
			}))
		}
		if got := conditions(false); got["Ready"] != "False/TargetUnknown" || got["AbleToScale"] != "False/TargetUnknown" {
			t.Errorf("while the watch fails and the count is unknown, the conditions are %v", got)
		}
		if got := conditions(true); got["Ready"] != "True/Ready" || got["AbleToScale"] != "False/TargetUnknown" {
			t.Errorf("while the watch fails and the count is known, the conditions are %v", got)
		}
	})
}

func testPauseIsConditionAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		paused scalers.Paused
		reason string
	}{
		"paused":                 {scalers.Paused{All: true}, "Paused"},
		"at a count":             {scalers.Paused{Fixed: true, At: 3}, "PausedReplicas"},
		"scale-in":               {scalers.Paused{In: true}, "PausedScaleIn"},
		"scale-in and scale-out": {scalers.Paused{In: true, Out: true}, "Paused"},
		"scale-out":              {scalers.Paused{Out: true}, "PausedScaleOut"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
				if got := reasonsOf(d.reportLevel(30, nil))["Paused"]; got != "False/NotPaused" {
					t.Errorf("before, Paused is %s", got)
				}
				d.spec.Policy.Paused = c.paused
				s := d.reportLevel(30, nil) // The trigger asks for three, the current count.
				d.expectWrites(2)
				if got := reasonsOf(s)["Paused"]; got != "True/"+c.reason || s.Reason != c.reason {
					t.Errorf("Paused is %s, the reason %s", got, s.Reason)
				}
				d.spec.Policy.Paused = scalers.Paused{}
				if s := d.reportLevel(30, nil); reasonsOf(s)["Paused"] != "False/NotPaused" || s.Reason != "AsRecommended" {
					t.Errorf("afterwards, Paused is %s, the reason %s", reasonsOf(s)["Paused"], s.Reason)
				}
				d.expectWrites(3)
			})
		})
	}
}

func testPauseEndsInConditionAtItsEnd(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		end := scalers.InstantOf(time.Now().Add(time.Hour))
		d.spec.Policy.Paused = scalers.Paused{All: true, Until: end, Reason: "drain"}
		at := func(now scalers.Instant) (metav1.Condition, string) {
			s := d.reportLevel(30, nil, func(p *autoscaler.Outcome) { p.At = now })
			return *meta.FindStatusCondition(s.Conditions, "Paused"), s.Reason
		}
		if c, reason := at(end - 1); c.Status != metav1.ConditionTrue || !strings.HasSuffix(c.Message, "Z: drain") || reason != "Paused" {
			t.Errorf("just before the end: got the condition %+v and the reason %s, want it true with the reason of the user", c, reason)
		}
		d.expectWrites(1)
		if c, reason := at(end); c.Status != metav1.ConditionFalse || c.Reason != "NotPaused" || !strings.HasPrefix(c.Message, "the pause has ended") || reason != "AsRecommended" {
			t.Errorf("at the end: got the condition %+v and the reason %s, want it false", c, reason)
		}
		d.expectWrites(2)
	})
}

func testReasonIsThatOfNewestDecision(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Policy.Min, d.current = 2, 0
		s := d.reportLevel(60, nil) // The count is raised to the minimum, and from there to the proposal.
		if got := reasonsOf(s)["ScalingLimited"]; got != "False/NotLimited" || s.Reason != "AsRecommended" || *s.DesiredReplicas != 6 {
			t.Errorf("with %d wanted ScalingLimited is %s, the reason %s", *s.DesiredReplicas, got, s.Reason)
		}
		s = d.reportLevel(10, nil)
		if got := reasonsOf(s)["ScalingLimited"]; got != "True/MinReplicaCount" || s.Reason != "MinReplicaCount" {
			t.Errorf("below the minimum ScalingLimited is %s, the reason %s", got, s.Reason)
		}
	})
}

func testStaleAlertIsConditionsReason(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.stale = "alert Slow was not repeated since noon"
		if s := d.reportLevel(300, nil); s.Reason != "AlertStale" {
			t.Errorf("the reason is %s", s.Reason)
		}
	})
}

func testWaitingAlertIsConditionsReasonAndItsLevelIsPending(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		begins := time.Now().Add(time.Minute)
		waits := func(p *autoscaler.Outcome) {
			p.Events[0].Foreseen = scalers.Foreseen{At: scalers.InstantOf(begins), Value: 70_000}
			p.Events[0].Notice = scalers.Notice{Reason: "AlertWaits", Text: "alert Slow fires again"}
		}
		pending := func(s *v1alpha1.ScaledObjectStatus) {
			t.Helper()
			got := s.Triggers[0].Pending
			if got == nil || !got.At.Time.Equal(begins) || got.Value != "70" || s.Reason != "AlertWaits" || reasonsOf(s)["SourceNotice"] != "True/AlertWaits" {
				t.Errorf("%+v is pending, want 70 at %s; the reason is %s, the conditions %v", got, begins, s.Reason, reasonsOf(s))
			}
		}
		pending(d.reportLevel(300, nil, waits))
		begins = begins.Add(time.Second)
		pending(d.reportLevel(300, nil, waits))
		if s := d.reportLevel(300, nil); s.Triggers[0].Pending != nil || s.Reason != "MaxReplicaCount" {
			t.Errorf("%+v is pending, the reason is %s", s.Triggers[0].Pending, s.Reason)
		}
	})
}

func testObjectThatIsAcceptedAgainIsReadyAlthoughNothingElseChanged(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		so := &v1alpha1.ScaledObject{}
		so.Namespace, so.Name, so.Status = "shop", "web", *d.reportLevel(30, nil)
		d.reporter.Refused(so, "TargetInUse", "ScaledObject shop/old scales the same Deployment", false)
		<-time.After(2 * minInterval)
		synctest.Wait()
		if got := reasonsOf(d.last()); got["Ready"] != "False/TargetInUse" || got["Active"] != "False/TargetInUse" || got["AbleToScale"] != "False/TargetInUse" {
			t.Errorf("after the object was refused, the conditions are %v", got)
		}
		d.reporter.Accepted(d.spec)
		if got := reasonsOf(d.reportLevel(30, nil)); got["Ready"] != "True/Ready" || got["Active"] != "True/TriggerActive" || got["AbleToScale"] != "True/ReadyToScale" {
			t.Errorf("after the object was accepted again, the conditions are %v", got)
		}
	})
}

func testObjectThatIsRefusedAtStartIsReadyOnceItIsAccepted(t *testing.T) {
	var before *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) { before = d.reportLevel(30, nil) })
	in(t, before, func(t *testing.T, d *env) {
		so := &v1alpha1.ScaledObject{}
		so.Namespace, so.Name, so.Status = "shop", "web", *before
		d.reporter.Refused(so, "TargetInUse", "ScaledObject shop/old scales the same Deployment", false)
		<-time.After(2 * minInterval)
		d.reporter.Accepted(d.spec)
		if got := reasonsOf(d.reportLevel(30, nil)); got["Ready"] != "True/Ready" {
			t.Errorf("after the object was accepted, the conditions are %v", got)
		}
		d.expectWrites(2)
	})
}

func testEventNamesEachReasonOnce(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		var recorded eventRecorder
		d.reporter.recorder = &recorded
		written := func(p *autoscaler.Outcome) {
			n := p.Decision.Replicas
			p.Write = &loop.EndedWrite{From: p.From, To: n, Stored: n, Decision: p.Decision, Policy: d.spec.Policy, Latency: -1}
		}
		policy := d.spec.Policy
		policy.Min, d.current = 2, 0
		d.reportLevel(10, nil, written)
		policy.Min, policy.Idle, policy.Cooldown, policy.Down.Window = 0, 0, time.Second, time.Hour
		d.current, d.memory = 3, scalers.Memory{LastActive: 1}
		d.reportLevel(0, nil, written)
		const first = "false Scaled: Deployment/web from 0 to 2: queue is 10, target 10 per replica: asks for 1; raised from 1 to the minimum, 2"
		const second = "false Scaled: Deployment/web from 3 to 0: queue is 0, target 10 per replica: asks for 0; " +
			"idle at 0 instead of 3: no trigger is active, and the cooldown is over (1s since a trigger was last active)"
		if len(recorded) != 2 || recorded[0] != first || recorded[1] != second {
			t.Errorf("the Events are\n%q, want\n%q\n%q", recorded, first, second)
		}
	})
}
