package resource

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestEvent(t *testing.T) {
	t.Parallel()
	t.Run("a pod uses and requests what its containers do", testPodUsesAndRequestsWhatItsContainersDo)
	t.Run("a usage that overflows is the largest number, not zero", testUsageThatOverflowsIsLargestNumberNotZero)
	t.Run("a named container is looked at alone", testNamedContainerIsLookedAtAlone)
	t.Run("pods without a container yet do not count as missing", testPodsWithoutContainerYetDoNotCountAsMissing)
	t.Run("a pod that cannot be measured is unknown with a reason", testPodThatCannotBeMeasuredIsUnknownWithReason)
	t.Run("a sample is too old after three of the longer interval", testSampleIsTooOldAfterThreeOfLongerInterval)
	t.Run("the reason for an unreadable usage is reported", testReasonForUnreadableUsageIsReported)
}

const now = scalers.Instant(1_000_000 * time.Second)

// measured returns a sample of containers a, b and so on, each with a usage of both resources; "" for none.
func measured(name string, age time.Duration, amounts ...string) metricsv1beta1.PodMetrics {
	m := metricsv1beta1.PodMetrics{ObjectMeta: metav1.ObjectMeta{Name: name}}
	m.Timestamp, m.Window = metav1.NewTime(now.Add(-age).Time()), metav1.Duration{Duration: 15 * time.Second}
	for i, amount := range amounts {
		c := metricsv1beta1.ContainerMetrics{Name: string(rune('a' + i)), Usage: corev1.ResourceList{}}
		if amount != "" {
			c.Usage[corev1.ResourceCPU] = apiresource.MustParse(amount)
			c.Usage[corev1.ResourceMemory] = apiresource.MustParse(amount)
		}
		m.Containers = append(m.Containers, c)
	}
	return m
}

// pod returns a running pod whose containers a, b and so on request this much of both resources; negative for nothing.
func pod(name string, requests ...scalers.Milli) triggers.Pod {
	p := triggers.Pod{Name: name}
	for i, r := range requests {
		p.Containers = append(p.Containers, triggers.Container{Name: string(rune('a' + i)), Requests: triggers.Requests{CPU: r, Memory: r}})
	}
	return p
}

func (m *meter) over(pods []triggers.Pod, samples ...metricsv1beta1.PodMetrics) scalers.Event {
	m.pods = func() ([]triggers.Pod, error) { return pods, nil }
	all := usage{}
	for i := range samples {
		all[samples[i].Name] = sampleOf(&samples[i])
	}
	return m.event(now, all)
}

func utilization() *meter { return &meter{resource: corev1.ResourceCPU, metric: scalers.Utilization} }

func testPodUsesAndRequestsWhatItsContainersDo(t *testing.T) {
	t.Parallel()
	e := utilization().over([]triggers.Pod{pod("web-1", 100, 50), pod("web-2", 100, 50)}, measured("web-1", 0, "0.1", "123456n"), measured("other", 0, "1"))
	if e.Err != nil || !e.PerPod || len(e.Pods) != 2 {
		t.Fatalf("got the event %+v, want a reading of two pods", e)
	}
	if p := e.Pods[0]; !p.Sampled || p.Usage != 101 || !p.HasRequest || p.Request != 150 || p.SampledAt != now || p.Window != 15*time.Second {
		t.Errorf("the first pod: got %+v, want a usage of 101, a request of 150, and the time and window of the sample", p)
	}
	if p := e.Pods[1]; p.Sampled || !p.HasRequest || p.Request != 150 {
		t.Errorf("the second pod: got %+v, want it without a sample, and a request of 150", p)
	}
}

func testUsageThatOverflowsIsLargestNumberNotZero(t *testing.T) {
	t.Parallel()
	e := utilization().over([]triggers.Pod{pod("web-1", 100, 50)}, measured("web-1", 0, "10P", "10P"))
	if e.Err != nil || len(e.Pods) != 1 || !e.Pods[0].Sampled || e.Pods[0].Usage != math.MaxInt64 {
		t.Errorf("got the event %+v, want the largest usage", e)
	}
}

func testNamedContainerIsLookedAtAlone(t *testing.T) {
	t.Parallel()
	m := utilization()
	m.container = "b"
	whole := pod("web-1", -1, 50)
	whole.PodLevel, whole.Requests = true, triggers.Requests{CPU: 1000, Memory: -1}
	e := m.over([]triggers.Pod{whole}, measured("web-1", 0, "", "20m"))
	if e.Err != nil || e.Pods[0].Usage != 20 || e.Pods[0].Request != 50 {
		t.Errorf("got the event %+v, want usage and request of container b, 20 and 50", e)
	}
	m.container = ""
	if e := m.over([]triggers.Pod{whole}, measured("web-1", 0, "1m", "20m")); e.Err != nil || e.Pods[0].Request != 1000 {
		t.Errorf("got %+v, want the pod's own request, 1000", e)
	}
}

func testPodsWithoutContainerYetDoNotCountAsMissing(t *testing.T) {
	t.Parallel()
	pending, leaving := pod("web-1", 100), pod("web-2", 100)
	pending.State.Phase, leaving.State.Deleting = scalers.PodPending, true
	if e := utilization().over([]triggers.Pod{pending, leaving}); e.Err != nil || len(e.Pods) != 2 {
		t.Errorf("got the event %+v, want both pods, and no error", e)
	}
	if e := utilization().over(nil); e.Err != nil || !e.PerPod || len(e.Pods) != 0 {
		t.Errorf("without pods: got the event %+v, want a per-pod reading of none", e)
	}
}

func testPodThatCannotBeMeasuredIsUnknownWithReason(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		meter   *meter
		pods    []triggers.Pod
		samples []metricsv1beta1.PodMetrics
		want    string
	}{
		"no request": {
			utilization(),
			[]triggers.Pod{pod("web-1", 100, 100), pod("web-2", 100, -1)},
			[]metricsv1beta1.PodMetrics{measured("web-1", 0, "1", "1"), measured("web-2", 0, "1", "1")},
			"container b of pod web-2 does not request cpu",
		},
		"no such container": {
			&meter{resource: corev1.ResourceCPU, metric: scalers.Utilization, container: "z"},
			[]triggers.Pod{pod("web-1", 100)},
			nil, "pod web-1 has no container z",
		},
		"no sample": {utilization(), []triggers.Pod{pod("web-1", 100)}, nil, "no sample of pod web-1"},
		"one container without a metric": {
			utilization(),
			[]triggers.Pod{pod("web-1", 100, 100)},
			[]metricsv1beta1.PodMetrics{measured("web-1", 0, "1", "")},
			"pod web-1: the cpu of container b is not measured",
		},
		"a container that no sample has": {
			&meter{resource: corev1.ResourceMemory, metric: scalers.AverageValue, container: "z"},
			[]triggers.Pod{pod("web-1")},
			[]metricsv1beta1.PodMetrics{measured("web-1", 0, "1")},
			"the sample has no container z",
		},
		"old samples": {
			utilization(),
			[]triggers.Pod{pod("web-1", 100)},
			[]metricsv1beta1.PodMetrics{measured("web-1", 90*time.Second+1, "1")},
			"the sample of pod web-1 is older than 1m30s",
		},
	} {
		e := c.meter.over(c.pods, c.samples...)
		if e.Err == nil || !strings.Contains(e.Err.Error(), c.want) {
			t.Errorf("%s: got the error %v, want %q", what, e.Err, c.want)
		}
	}
}

func testSampleIsTooOldAfterThreeOfLongerInterval(t *testing.T) {
	t.Parallel()
	m := utilization()
	m.interval = 50 * time.Second
	pods := []triggers.Pod{pod("web-1", 100), pod("web-2", 100)}
	e := m.over(pods, measured("web-1", 150*time.Second, "1"), measured("web-2", 151*time.Second, "1"))
	if e.Err != nil || !e.Pods[0].Sampled || e.Pods[1].Sampled {
		t.Errorf("got the event %+v, want a sample of the first pod only", e)
	}
}

func testReasonForUnreadableUsageIsReported(t *testing.T) {
	t.Parallel()
	pods := schema.GroupResource{Group: "metrics.k8s.io", Resource: "pods"}
	for want, err := range map[string]error{
		"install metrics-server":         apierrors.NewNotFound(pods, ""),
		"metrics-server does not answer": apierrors.NewServiceUnavailable("no endpoints"),
		"is not allowed to read it":      apierrors.NewForbidden(pods, "", errors.New("no rights")),
		"connection refused":             errors.New("connection refused"),
	} {
		env := triggers.Env{Namespace: "shop", PodMetrics: func(context.Context, string) (*metricsv1beta1.PodMetricsList, error) { return nil, err }}
		_, got := readUsage(t.Context(), env)
		if got == nil || !strings.Contains(got.Error(), want) || !strings.Contains(got.Error(), "namespace shop") {
			t.Errorf("readUsage when the API returns %v: got %v, want %q", err, got, want)
		}
	}
}
