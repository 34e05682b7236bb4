package convert

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

// PlaceholderServer is the address of Prometheus in a converted object: an HPA does not name the server, so that the user has to.
const PlaceholderServer = "http://prometheus.invalid:9090"

// metric converts a metric of an HPA.
type metric struct {
	path            string
	notes, mistakes *diagnostics
}

// trigger returns the trigger for a metric.
func (c metric) trigger(m *autoscalingv2.MetricSpec) v1alpha1.Trigger {
	switch {
	case m.Type == autoscalingv2.ResourceMetricSourceType && m.Resource != nil:
		return c.resource("resource", m.Resource.Name, "", &m.Resource.Target)
	case m.Type == autoscalingv2.ContainerResourceMetricSourceType && m.ContainerResource != nil:
		return c.resource("containerResource", m.ContainerResource.Name, m.ContainerResource.Container, &m.ContainerResource.Target)
	case m.Type == autoscalingv2.ExternalMetricSourceType && m.External != nil:
		return c.query("external", &m.External.Metric, &m.External.Target)
	case m.Type == autoscalingv2.ObjectMetricSourceType && m.Object != nil:
		return c.query("object", &m.Object.Metric, &m.Object.Target)
	case m.Type == autoscalingv2.PodsMetricSourceType && m.Pods != nil:
		c.notes.add(c.path+".pods", "is an average over pods, and an HPA fills in those that have no sample", "here it is a sum, shared by the replicas")
		return c.query("pods", &m.Pods.Metric, &m.Pods.Target)
	}
	known := []string{"Resource", "ContainerResource", "External", "Object", "Pods"}
	if slices.Contains(known, string(m.Type)) {
		c.mistakes.add(c.path+".type", fmt.Sprintf("%q needs the field of its name", m.Type), "")
	} else {
		c.mistakes.add(c.path+".type", fmt.Sprintf("%q is unknown", m.Type), strings.Join(known, ", "))
	}
	return v1alpha1.Trigger{Name: string(m.Type)}
}

// resource converts a metric of cpu or memory.
func (c metric) resource(field string, name corev1.ResourceName, container string, target *autoscalingv2.MetricTarget) v1alpha1.Trigger {
	t := v1alpha1.Trigger{Type: string(name), Name: string(name), Metadata: map[string]v1alpha1.Scalar{}}
	if name != corev1.ResourceCPU && name != corev1.ResourceMemory {
		c.mistakes.add(c.path+"."+field+".name", fmt.Sprintf("%q is not measured", name), "cpu or memory")
	}
	switch {
	case target.AverageValue != nil:
		t.MetricType, t.Metadata["value"] = "AverageValue", c.amount(field+".target.averageValue", target.AverageValue)
	case target.AverageUtilization != nil:
		t.MetricType, t.Metadata["value"] = "Utilization", v1alpha1.Scalar(strconv.Itoa(int(*target.AverageUtilization)))
	default:
		c.mistakes.add(c.path+"."+field+".target", "has no value", "averageUtilization or averageValue")
	}
	if container != "" {
		t.Metadata["containerName"] = v1alpha1.Scalar(container)
	}
	c.noteTargetType(field, target, t.MetricType)
	return t
}

// noteTargetType notes a target whose type names another field than the one that is set. An HPA uses the field that is set, but for an
// object's metric.
func (c metric) noteTargetType(field string, target *autoscalingv2.MetricTarget, used string) {
	switch {
	case used == "" || target.Type == "" || string(target.Type) == used:
	case field == "object":
		c.notes.add(c.path+".object.target.type", fmt.Sprintf("is %s, and the number is given as %s: an HPA fails on that", target.Type, used), "here it is taken for "+used)
	default:
		c.notes.add(c.path+"."+field+".target.type", fmt.Sprintf("is %s, and the number is given as %s: an HPA uses the field that is set", target.Type, used), "set target.type to the field that is meant")
	}
}

// query converts a metric of a metrics adapter, which Impulse does not use, to the query that the adapter probably sends.
func (c metric) query(field string, metric *autoscalingv2.MetricIdentifier, target *autoscalingv2.MetricTarget) v1alpha1.Trigger {
	t := v1alpha1.Trigger{Type: "prometheus", Name: metric.Name, MetricType: "AverageValue"}
	t.Metadata = map[string]v1alpha1.Scalar{
		"serverAddress": PlaceholderServer, "query": v1alpha1.Scalar("sum(" + selector(metric) + ")"),
	}
	switch {
	case target.AverageValue != nil && (field != "object" || target.Type != autoscalingv2.ValueMetricType):
		t.Metadata["threshold"] = c.amount(field+".target.averageValue", target.AverageValue)
	case target.Value != nil && field != "pods":
		t.MetricType, t.Metadata["threshold"] = "Value", c.amount(field+".target.value", target.Value)
		c.notes.addValueNotes(c.path + "." + field + ".target.value")
	default:
		c.mistakes.add(c.path+"."+field+".target", "has no value", "value or averageValue")
	}
	if t.Metadata["threshold"] != "" {
		c.noteTargetType(field, target, t.MetricType)
	}
	c.notes.add(c.path+"."+field, "comes from a metrics adapter, which Impulse does not query", "write the address of Prometheus into serverAddress, and check the query")
	return t
}

// amount returns a target. One that cannot be represented exactly is a mistake.
func (c metric) amount(field string, target *resource.Quantity) v1alpha1.Scalar {
	text := target.String()
	if _, err := scalers.ParseExact(text); err != nil {
		c.mistakes.add(c.path+"."+field, err.Error(), "")
	}
	return v1alpha1.Scalar(text)
}

// plainName matches the name of a metric that needs no quotes in PromQL.
var plainName = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

// selector returns the PromQL selector of a metric and its labels.
func selector(m *autoscalingv2.MetricIdentifier) string {
	var matchers []string
	outside := m.Name
	if !plainName.MatchString(m.Name) {
		outside, matchers = "", append(matchers, "__name__="+strconv.Quote(m.Name))
	}
	if m.Selector != nil {
		matchers = append(matchers, labelMatchers(m.Selector)...)
	}
	if len(matchers) == 0 {
		return outside
	}
	return outside + "{" + strings.Join(matchers, ",") + "}"
}

// labelMatchers returns the PromQL matchers of a label selector, ordered by label.
func labelMatchers(s *metav1.LabelSelector) []string {
	var all []string
	for key, value := range s.MatchLabels {
		all = append(all, key+"="+strconv.Quote(value))
	}
	slices.Sort(all)
	for _, e := range s.MatchExpressions {
		quoted := make([]string, len(e.Values))
		for i, v := range e.Values {
			quoted[i] = regexp.QuoteMeta(v)
		}
		some := strconv.Quote(strings.Join(quoted, "|"))
		switch e.Operator {
		case metav1.LabelSelectorOpIn:
			all = append(all, e.Key+"=~"+some)
		case metav1.LabelSelectorOpNotIn:
			all = append(all, e.Key+"!~"+some)
		case metav1.LabelSelectorOpExists:
			all = append(all, e.Key+`!=""`)
		case metav1.LabelSelectorOpDoesNotExist:
			all = append(all, e.Key+`=""`)
		}
	}
	return all
}
