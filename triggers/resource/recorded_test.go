package resource

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestRecorded(t *testing.T) {
	t.Parallel()
	t.Run("an incomplete sample is missing", testIncompleteSampleIsMissing)
}

// The answer is that of a real metrics-server for one pod with the container app.
func testIncompleteSampleIsMissing(t *testing.T) {
	t.Parallel()
	answer, err := os.ReadFile("testdata/podmetrics.json")
	if err != nil {
		t.Fatal(err)
	}
	var whole metricsv1beta1.PodMetricsList
	if err := json.Unmarshal(answer, &whole); err != nil {
		t.Fatal(err)
	}
	at := scalers.InstantOf(whole.Items[0].Timestamp.Add(time.Second))
	for name, kind := range map[string]*meter{"of the pod": {}, "of its container": {container: "app"}} {
		for _, of := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			t.Run(string(of)+" "+name, func(t *testing.T) {
				t.Parallel()
				m := *kind
				m.metric, m.resource = scalers.AverageValue, of
				m.pods = func() ([]triggers.Pod, error) { return []triggers.Pod{{Name: whole.Items[0].Name}}, nil }
				triggertest.Incomplete(t, answer, func(answer []byte) (scalers.Milli, error) { return m.usageIn(answer, at) })
			})
		}
	}
}

// usageIn returns the usage of the only pod in an answer.
func (m *meter) usageIn(answer []byte, at scalers.Instant) (scalers.Milli, error) {
	var list metricsv1beta1.PodMetricsList
	if err := json.Unmarshal(answer, &list); err != nil {
		return 0, err
	}
	e := m.event(at, usageOf(&list))
	switch {
	case e.Err != nil:
		return 0, e.Err
	case !e.Pods[0].Sampled:
		return 0, errors.New("the pod is missing")
	}
	return e.Pods[0].Usage, nil
}
