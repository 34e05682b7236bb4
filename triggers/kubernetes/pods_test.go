package kubernetes

import (
	"errors"
	"strings"
	"testing"
	"time"

	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestPods(t *testing.T) {
	t.Parallel()
	t.Run("each pod of the target has its own sample", testEachPodOfTargetHasItsOwnSample)
	t.Run("pods that cannot be measured yet do not count as missing", testPodsThatCannotBeMeasuredYetDoNotCountAsMissing)
	t.Run("the level is unknown when no pod is measured", testLevelIsUnknownWhenNoPodIsMeasured)
	t.Run("the pods are never those of the whole namespace", testPodsAreNeverThoseOfWholeNamespace)
}

// over returns the event for samples of pods that exist under the given names.
func over(names []string, custom ...custommetrics.MetricValue) scalers.Event {
	pods := make([]triggers.Pod, len(names))
	for i, name := range names {
		pods[i].Name = name
	}
	all, err := samplesOf(custom)
	if err != nil {
		return scalers.Event{Err: err}
	}
	m := &podMeter{ages: testAges(), env: environment(nil, pods...)}
	return m.event(scalers.InstantOf(clock), all)
}

func testEachPodOfTargetHasItsOwnSample(t *testing.T) {
	t.Parallel()
	minute := int64(90)
	first := value("web-1", "1500m", time.Minute)
	first.WindowSeconds = &minute
	e := over([]string{"web-1", "web-2", "web-3"}, value("gone", "7", 0), first, value("web-3", "0", 0))
	if e.Err != nil || !e.PerPod || len(e.Pods) != 3 {
		t.Fatalf("got the event %+v, want a reading of three pods", e)
	}
	if p := e.Pods[0]; !p.Sampled || p.Usage != 1500 || p.Window != 90*time.Second || p.SampledAt != scalers.InstantOf(clock.Add(-time.Minute)) {
		t.Errorf("the first pod: got %+v, want 1.5 with the time and window of the sample", p)
	}
	if e.Pods[1].Sampled || !e.Pods[2].Sampled || e.Pods[2].Usage != 0 {
		t.Errorf("the others: got %+v, want none and 0", e.Pods[1:])
	}
}

func testPodsThatCannotBeMeasuredYetDoNotCountAsMissing(t *testing.T) {
	t.Parallel()
	pods := []triggers.Pod{{Name: "web-1"}, {Name: "web-2"}, {Name: "web-3"}}
	pods[0].State.Phase, pods[1].State.Phase, pods[2].State.Deleting = scalers.PodPending, scalers.PodFailed, true
	m := &podMeter{ages: testAges(), env: environment(nil, pods...)}
	if e := m.event(0, samples{}); e.Err != nil || len(e.Pods) != 3 {
		t.Errorf("got %+v, want the pods and no error", e)
	}
	if e := over(nil); e.Err != nil || !e.PerPod || len(e.Pods) != 0 {
		t.Errorf("without pods: got %+v, want a reading of none", e)
	}
}

func testLevelIsUnknownWhenNoPodIsMeasured(t *testing.T) {
	t.Parallel()
	names := []string{"web-1", "web-2"}
	for want, e := range map[string]scalers.Event{
		"none of 2 running pods is measured: the adapter has no value of pod web-1": over(names),
		"pod web-1: the value is of 2026-01-01T11:00:00Z":                           over(names, value("web-1", "1", time.Hour)),
		"two values for pod web-2":                                                  over(names, value("web-2", "1", 0), value("web-2", "2", 0)),
	} {
		if e.Err == nil || !strings.Contains(e.Err.Error(), want) {
			t.Errorf("got %v, want an error with %q", e.Err, want)
		}
	}
	m := &podMeter{env: environment(nil)}
	m.env.Pods = func() ([]triggers.Pod, error) { return nil, errAway }
	if e := m.event(0, nil); !errors.Is(e.Err, errAway) {
		t.Errorf("without a list of pods: got %v, want its error", e.Err)
	}
}

func testPodsAreNeverThoseOfWholeNamespace(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errAway} {
		m := &podMeter{env: environment(&adapter{})}
		m.env.PodSelector = func() (string, error) { return "", err }
		if _, got := m.read(t.Context()); got == nil || err != nil && !errors.Is(got, err) {
			t.Errorf("an empty selector with the error %v: got %v, want an error", err, got)
		}
	}
}
