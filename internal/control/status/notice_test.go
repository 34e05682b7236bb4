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

// spoken is a Recorder that keeps the reasons of what it is told.
type spoken struct{ reasons []string }

// Event is Recorder's.
func (s *spoken) Event(_ Object, _ bool, reason, _ string) { s.reasons = append(s.reasons, reason) }

func testNoticeOfTriggerIsCondition(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *desk) {
		heard := &spoken{}
		d.reporter.recorder = heard
		says := func(n scalers.Notice) *metav1.Condition {
			t.Helper()
			d.notice = n
			return meta.FindStatusCondition(d.says(30, nil).Conditions, v1alpha1.ConditionSourceNotice)
		}
		if got := says(scalers.Notice{}); got != nil {
			t.Errorf("an object of which nothing was noticed has the condition %v", got)
		}
		if got := says(scalers.Notice{Reason: "Paused", Text: "9 messages wait"}); got == nil || got.Status != metav1.ConditionTrue ||
			got.Reason != "Paused" || got.Message != "queue: 9 messages wait" {
			t.Errorf("noticed: %v", got)
		}
		d.store.mu.Lock()
		n := len(d.store.saved)
		d.store.mu.Unlock()
		says(scalers.Notice{Reason: "Paused", Text: "10 messages wait"})
		d.writes(n) // Another number is no news.
		if got := says(scalers.Notice{Reason: "Expires", Text: "soon", IdleOnly: true}); got.Status != metav1.ConditionFalse {
			t.Errorf("what matters at rest only is said of an object that never rests: %v", got)
		}
		d.spec.Policy.Min, d.spec.Policy.Idle = 0, 0
		if got := says(scalers.Notice{Reason: "Expires", Text: "soon", IdleOnly: true}); got.Status != metav1.ConditionTrue || got.Reason != "Expires" {
			t.Errorf("noticed of an object that may rest: %v", got)
		}
		if got := says(scalers.Notice{Reason: "Paused", Text: "9 messages wait"}); got.Reason != "Paused" {
			t.Errorf("noticed beside: %v", got)
		}
		d.notice = scalers.Notice{}
		d.says(0, errors.New("connection refused")) // Nobody knows whether it is over.
		if got := says(scalers.Notice{}); got.Status != metav1.ConditionFalse || got.Message != "" {
			t.Errorf("over: %v", got)
		}
		if want := []string{"Paused", "Recovered", "Expires", "Recovered", "Paused", "TriggerFailed", "Recovered", "Recovered"}; !slices.Equal(heard.reasons, want) {
			t.Errorf("the Events are %v, want %v", heard.reasons, want)
		}
	})
}

func testAnnotationWithoutEffectIsEvent(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *desk) {
		heard := &spoken{}
		d.reporter.recorder = heard
		for _, text := range []string{"annotation impulse.sh/pause has no effect", "annotation impulse.sh/pause has no effect", ""} {
			d.spec.UnknownAnnotations = text
			ready := meta.FindStatusCondition(d.says(30, nil).Conditions, v1alpha1.ConditionReady)
			if ready.Status != metav1.ConditionTrue || ready.Message != text {
				t.Errorf("with %q the condition is %v", text, ready)
			}
		}
		if want := []string{"UnknownAnnotation", "Recovered"}; !slices.Equal(heard.reasons, want) {
			t.Errorf("the Events are %v, want %v", heard.reasons, want)
		}
	})
}
