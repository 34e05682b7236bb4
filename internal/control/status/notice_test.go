package status

import (
	"errors"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

func TestNotice(t *testing.T) {
	t.Run("a notice of a trigger is a condition", testNoticeOfTriggerIsCondition)
	t.Run("an annotation without an effect is an event", testAnnotationWithoutEffectIsEvent)
}

// reasonRecorder is a Recorder that stores the reasons of all Events.
type reasonRecorder struct{ reasons []string }

// Event is Recorder's.
func (s *reasonRecorder) Event(_ Object, _ bool, reason, _ string) {
	s.reasons = append(s.reasons, reason)
}

func testNoticeOfTriggerIsCondition(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		recorder := &reasonRecorder{}
		d.reporter.recorder = recorder
		noticeCondition := func(n scalers.Notice) *metav1.Condition {
			t.Helper()
			d.notice = n
			return meta.FindStatusCondition(d.reportLevel(30, nil).Conditions, v1alpha1.ConditionSourceNotice)
		}
		if got := noticeCondition(scalers.Notice{}); got != nil {
			t.Errorf("an object without a notice has the condition %v", got)
		}
		if got := noticeCondition(scalers.Notice{Reason: "Paused", Text: "9 messages wait"}); got == nil || got.Status != metav1.ConditionTrue ||
			got.Reason != "Paused" || got.Message != "queue: 9 messages wait" {
			t.Errorf("a notice: %v", got)
		}
		d.store.mu.Lock()
		n := len(d.store.saved)
		d.store.mu.Unlock()
		noticeCondition(scalers.Notice{Reason: "Paused", Text: "10 messages wait"})
		d.expectWrites(n) // A notice that differs only in its numbers writes nothing.
		if got := noticeCondition(scalers.Notice{Reason: "Expires", Text: "soon", IdleOnly: true}); got.Status != metav1.ConditionFalse {
			t.Errorf("a notice for idle objects is reported for an object that is never idle: %v", got)
		}
		d.spec.Policy.Min, d.spec.Policy.Idle = 0, 0
		if got := noticeCondition(scalers.Notice{Reason: "Expires", Text: "soon", IdleOnly: true}); got.Status != metav1.ConditionTrue || got.Reason != "Expires" {
			t.Errorf("a notice for idle objects, on an object that may be idle: %v", got)
		}
		if got := noticeCondition(scalers.Notice{Reason: "Paused", Text: "9 messages wait"}); got.Reason != "Paused" {
			t.Errorf("another notice: %v", got)
		}
		d.notice = scalers.Notice{}
		d.reportLevel(0, errors.New("connection refused")) // It is unknown whether the notice still holds.
		if got := noticeCondition(scalers.Notice{}); got.Status != metav1.ConditionFalse || got.Message != "" {
			t.Errorf("the notice has ended: %v", got)
		}
		if want := []string{"Paused", "Recovered", "Expires", "Recovered", "Paused", "TriggerFailed", "Recovered", "Recovered"}; !slices.Equal(recorder.reasons, want) {
			t.Errorf("the Events are %v, want %v", recorder.reasons, want)
		}
	})
}

func testAnnotationWithoutEffectIsEvent(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		recorder := &reasonRecorder{}
		d.reporter.recorder = recorder
		for _, text := range []string{"annotation impulse.sh/pause has no effect", "annotation impulse.sh/pause has no effect", ""} {
			d.spec.UnknownAnnotations = text
			ready := meta.FindStatusCondition(d.reportLevel(30, nil).Conditions, v1alpha1.ConditionReady)
			if ready.Status != metav1.ConditionTrue || ready.Message != text {
				t.Errorf("with %q the condition is %v", text, ready)
			}
		}
		if want := []string{"UnknownAnnotation", "Recovered"}; !slices.Equal(recorder.reasons, want) {
			t.Errorf("the Events are %v, want %v", recorder.reasons, want)
		}
	})
}
