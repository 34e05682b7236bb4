package kubernetes

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestKubernetes(t *testing.T) {
	t.Run("the kinds conform to the contract of triggers", testKindsConformToContractOfTriggers)
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("the adapter is asked for what the metadata names", testAdapterIsAskedForWhatMetadataNames)
	t.Run("a trigger without a cluster is not opened", testTriggerWithoutClusterIsNotOpened)
}

// clock is the time of the tests.
var clock = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// adapter is a metrics adapter whose answers a test decides; package metricsapi has the tests against a server.
type adapter struct {
	broken   atomic.Bool
	object   triggers.MetricObject
	selector string
	metric   triggers.MetricQuery
	custom   []custommetrics.MetricValue
	external []externalmetrics.ExternalMetricValue
}

var errAway = errors.New("the adapter is away")

func (a *adapter) err() error {
	if a.broken.Load() {
		return errAway
	}
	return nil
}

// ObjectMetric implements triggers.MetricsAPIs.
func (a *adapter) ObjectMetric(_ context.Context, o triggers.MetricObject, m triggers.MetricQuery) (*custommetrics.MetricValue, error) {
	a.object, a.metric = o, m
	return &a.custom[0], a.err()
}

// PodsMetric implements triggers.MetricsAPIs.
func (a *adapter) PodsMetric(_ context.Context, selector string, m triggers.MetricQuery) (*custommetrics.MetricValueList, error) {
	a.selector, a.metric = selector, m
	return &custommetrics.MetricValueList{Items: a.custom}, a.err()
}

// ExternalMetric implements triggers.MetricsAPIs.
func (a *adapter) ExternalMetric(_ context.Context, m triggers.MetricQuery) (*externalmetrics.ExternalMetricValueList, error) {
	a.metric = m
	return &externalmetrics.ExternalMetricValueList{Items: a.external}, a.err()
}

// value returns the value of a metric of an object, sampled so long ago.
func value(name, amount string, age time.Duration) custommetrics.MetricValue {
	v := custommetrics.MetricValue{Timestamp: metav1.NewTime(clock.Add(-age)), Value: resource.MustParse(amount)}
	v.DescribedObject.Name = name
	return v
}

// series returns the series of an external metric.
func series(amounts ...string) []externalmetrics.ExternalMetricValue {
	all := make([]externalmetrics.ExternalMetricValue, len(amounts))
	for i, amount := range amounts {
		all[i] = externalmetrics.ExternalMetricValue{Timestamp: metav1.NewTime(clock), Value: resource.MustParse(amount)}
	}
	return all
}

func environment(a *adapter, pods ...triggers.Pod) triggers.Env {
	return triggers.Env{
		Namespace: "shop", Object: "web", Metrics: a, Now: func() time.Time { return clock },
		Pods:        func() ([]triggers.Pod, error) { return pods, nil },
		PodSelector: func() (string, error) { return "app=web", nil },
	}
}

func testKindsConformToContractOfTriggers(t *testing.T) {
	for _, kind := range []triggers.Kind{Object(), Pods(), External()} {
		t.Run(kind.Name, func(t *testing.T) {
			a := &adapter{custom: []custommetrics.MetricValue{value("web-1", "42500m", 0)}, external: series("40", "2500m")}
			triggertest.Conform(t, kind, triggertest.Fixture{
				Metadata: kind.Example, Env: environment(a, triggers.Pod{Name: "web-1"}),
				Break: func(testing.TB) { a.broken.Store(true) }, Repair: func(testing.TB) { a.broken.Store(false) },
			})
		})
	}
}

func testMistakeNamesItsField(t *testing.T) {
	for name, c := range map[string]struct{ kind, key, value, problem string }{
		"no metric":              {"kubernetes-pods", "metricName", " ", "is empty"},
		"a metric with a slash":  {"kubernetes-external", "metricName", "requests/s", "may not contain"},
		"a metric that is ..":    {"kubernetes-object", "metricName", "..", "may not be"},
		"no selector":            {"kubernetes-external", "metricSelector", "a in b", "not a label selector"},
		"a label with a slash":   {"kubernetes-pods", "metricSelector", "path=/checkout", "not a label selector"},
		"no target":              {"kubernetes-pods", "value", "0", "above 0"},
		"a negative target":      {"kubernetes-external", "value", "-1", "above 0"},
		"a text as target":       {"kubernetes-object", "value", "many", "many"},
		"an apiVersion too long": {"kubernetes-object", "objectApiVersion", "a/b/c", "not an apiVersion"},
		"an empty apiVersion":    {"kubernetes-object", "objectApiVersion", "", "not an apiVersion"},
		"a kind with a slash":    {"kubernetes-object", "objectKind", "a/b", "may not contain"},
		"an object with a slash": {"kubernetes-object", "objectName", "a/b", "may not contain"},
	} {
		kind := kindNamed(c.kind)
		metadata := map[string]string{c.key: c.value}
		for key, value := range kind.Example {
			if key != c.key {
				metadata[key] = value
			}
		}
		_, err := kind.Decode(metadata)
		if mistake, ok := errors.AsType[*triggers.FieldError](err); !ok || mistake.Field != c.key || !strings.Contains(mistake.Problem, c.problem) {
			t.Errorf("%s: got %v, want a mistake in %s about %q", name, err, c.key, c.problem)
		}
	}
}

func kindNamed(name string) triggers.Kind {
	for _, k := range []triggers.Kind{Object(), Pods()} {
		if k.Name == name {
			return k
		}
	}
	return External()
}

// readOnce opens a trigger and returns its first event.
func readOnce(t *testing.T, kind triggers.Kind, metadata map[string]string, env triggers.Env) scalers.Event {
	t.Helper()
	c, err := kind.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	env.Poller = triggers.NewPoller(1, 1)
	source, err := kind.Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { _ = env.Poller.Run(ctx); done <- struct{}{} }()
	events := make(chan scalers.Event, 1)
	go func() {
		_ = source.Run(ctx, func(e scalers.Event) {
			select {
			case events <- e:
			default:
			}
		})
		done <- struct{}{}
	}()
	e := <-events
	cancel()
	<-done
	<-done
	return e
}

func testAdapterIsAskedForWhatMetadataNames(t *testing.T) {
	const written, canonical = "b=2, a=1,c in (y,x),!d", "a=1,b=2,c in (x,y),!d"
	a := &adapter{custom: []custommetrics.MetricValue{value("web-1", "1", 0)}, external: series("1")}
	want := triggers.MetricQuery{Namespace: "shop", Name: "hits", Selector: canonical}
	for _, kind := range []triggers.Kind{Object(), Pods(), External()} {
		metadata := map[string]string{"metricName": "hits", "metricSelector": written, "value": "1"}
		if kind.Name == "kubernetes-object" {
			metadata["objectApiVersion"], metadata["objectKind"], metadata["objectName"] = "extensions/v1beta1", "Ingress", "web"
		}
		a.metric = triggers.MetricQuery{}
		if e := readOnce(t, kind, metadata, environment(a, triggers.Pod{Name: "web-1"})); e.Err != nil {
			t.Fatalf("%s: %v", kind.Name, e.Err)
		}
		if a.metric != want {
			t.Errorf("%s: asked for %+v, want %+v", kind.Name, a.metric, want)
		}
	}
	if o := a.object; o.Group != "extensions" || o.Kind != "Ingress" || o.Name != "web" {
		t.Errorf("asked for the object %+v, want the Ingress web of extensions", o)
	}
	if a.selector != "app=web" {
		t.Errorf("asked for the pods of %q, want app=web", a.selector)
	}
}

func testTriggerWithoutClusterIsNotOpened(t *testing.T) {
	for _, kind := range []triggers.Kind{Object(), Pods(), External()} {
		c, err := kind.Decode(kind.Example)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kind.Open(c, triggers.Env{}); !errors.Is(err, errNoCluster) {
			t.Errorf("%s: got %v, want %v", kind.Name, err, errNoCluster)
		}
	}
}
