package autoscaler

import (
	"errors"
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestPodLister(t *testing.T) {
	t.Parallel()
	t.Run("pods are listed once the target is known", testPodsAreListedOnceTargetIsKnown)
	t.Run("a pod is converted to the core's type", testPodIsConvertedToCoresType)
}

func testPodsAreListedOnceTargetIsKnown(t *testing.T) {
	t.Parallel()
	r := newPodLister()
	if _, err := r.selector(); !errors.Is(err, errUnobserved) {
		t.Errorf("got the error %v before the first observation, want %v", err, errUnobserved)
	}
	if r.known() {
		t.Error("known returns true before the first observation, want false")
	}
	r.observe(&actuator.Observation{Err: actuator.ErrNotFound})
	if !r.known() {
		t.Error("known returns false after an observation without a target, want true")
	}
	if _, err := r.selector(); !errors.Is(err, actuator.ErrNotFound) {
		t.Errorf("got the error %v for a missing target, want %v", err, actuator.ErrNotFound)
	}
	r.observe(&actuator.Observation{Scale: actuator.Scale{UID: "1", Selector: "app=web"}})
	r.observe(&actuator.Observation{Scale: actuator.Scale{UID: "1", Selector: "app=web"}, Err: actuator.ErrThrottled})
	if selector, err := r.selector(); selector != "app=web" || err != nil {
		t.Errorf("got the selector %q, %v while the API server is away, want app=web", selector, err)
	}
}

func testPodIsConvertedToCoresType(t *testing.T) {
	t.Parallel()
	started, since := time.Unix(1000, 0), time.Unix(1030, 0)
	pod := actuator.Pod{
		Name: "web-1", Phase: corev1.PodRunning, Deleting: true, Ready: corev1.ConditionTrue, ReadySince: since, Started: started,
		PodLevel: true, Requests: actuator.Requests{CPU: 5, Memory: -1},
		Containers: []actuator.Container{{Name: "app", Requests: actuator.Requests{CPU: 3, Memory: 4}}},
	}
	want := triggers.Pod{
		Name: "web-1", PodLevel: true, Requests: triggers.Requests{CPU: 5, Memory: -1},
		Containers: []triggers.Container{{Name: "app", Requests: triggers.Requests{CPU: 3, Memory: 4}}},
		State:      scalers.Pod{Deleting: true, Started: scalers.InstantOf(started), ReadyChanged: scalers.InstantOf(since)},
	}
	if got := podOf(&pod); !reflect.DeepEqual(got, want) {
		t.Errorf("got the pod %+v, want %+v", got, want)
	}
	for ready, want := range map[corev1.ConditionStatus]scalers.Pod{
		corev1.ConditionTrue: {}, corev1.ConditionUnknown: {}, corev1.ConditionFalse: {NotReady: true}, "": {NotReady: true, NoCondition: true},
	} {
		if got := podOf(&actuator.Pod{Phase: corev1.PodRunning, Ready: ready}).State; got != want {
			t.Errorf("got the state %+v of the condition %q, want %+v", got, ready, want)
		}
	}
	for phase, want := range map[corev1.PodPhase]scalers.PodPhase{
		corev1.PodPending: scalers.PodPending, corev1.PodSucceeded: scalers.PodSucceeded, corev1.PodFailed: scalers.PodFailed, "": scalers.PodUnknown,
	} {
		if got := podOf(&actuator.Pod{Phase: phase}).State.Phase; got != want {
			t.Errorf("got the phase %d of %q, want %d", got, phase, want)
		}
	}
}
