package convert

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

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
		return c.external(m.External)
	case m.Type == autoscalingv2.ObjectMetricSourceType && m.Object != nil:
		return c.object(m.Object)
	case m.Type == autoscalingv2.PodsMetricSourceType && m.Pods != nil:
		return c.pods(m.Pods)
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
	c.reportTargetType(field, target, t.MetricType)
	return t
}

// reportTargetType reports a target whose type names another field than the one that is set. An HPA uses the field that is set, but for an
// object's metric.
func (c metric) reportTargetType(field string, target *autoscalingv2.MetricTarget, used string) {
	switch {
	case used == "" || target.Type == "" || string(target.Type) == used:
	case field == "object":
		c.notes.add(c.path+".object.target.type", fmt.Sprintf("is %s, and the number is given as %s: an HPA fails on that", target.Type, used), "here it is taken for "+used)
	default:
		c.notes.add(c.path+"."+field+".target.type", fmt.Sprintf("is %s, and the number is given as %s: an HPA uses the field that is set", target.Type, used), "set target.type to the field that is meant")
	}
}

// object converts a metric that describes one object.
func (c metric) object(o *autoscalingv2.ObjectMetricSource) v1alpha1.Trigger {
	t := c.adapterMetric("object", "kubernetes-object", &o.Metric)
	described := &o.DescribedObject
	c.checkName("object.describedObject.kind", described.Kind)
	c.checkName("object.describedObject.name", described.Name)
	for key, value := range map[string]string{"objectApiVersion": described.APIVersion, "objectKind": described.Kind, "objectName": described.Name} {
		if value != "" {
			t.Metadata[key] = v1alpha1.Scalar(value)
		}
	}
	// An HPA uses the field that the type names.
	if o.Target.Type == autoscalingv2.ValueMetricType {
		c.target("object", &t, &o.Target, c.value, c.averageValue)
	} else {
		c.target("object", &t, &o.Target, c.averageValue, c.value)
	}
	return t
}

// pods converts a metric that describes each pod.
func (c metric) pods(p *autoscalingv2.PodsMetricSource) v1alpha1.Trigger {
	t := c.adapterMetric("pods", "kubernetes-pods", &p.Metric)
	c.target("pods", &t, &p.Target, c.averageValue)
	return t
}

// external converts a metric that describes no Kubernetes object.
func (c metric) external(e *autoscalingv2.ExternalMetricSource) v1alpha1.Trigger {
	t := c.adapterMetric("external", "kubernetes-external", &e.Metric)
	c.target("external", &t, &e.Target, c.averageValue, c.value)
	return t
}

// adapterMetric returns the trigger for a metric of a metrics adapter, without its target.
func (c metric) adapterMetric(field, kind string, m *autoscalingv2.MetricIdentifier) v1alpha1.Trigger {
	t := v1alpha1.Trigger{Type: kind, Name: m.Name, Metadata: map[string]v1alpha1.Scalar{"metricName": v1alpha1.Scalar(m.Name)}}
	c.checkName(field+".metric.name", m.Name)
	if m.Selector == nil {
		return t
	}
	selector, err := metav1.LabelSelectorAsSelector(m.Selector)
	if err != nil {
		c.mistakes.add(c.path+"."+field+".metric.selector", "is not a label selector: "+err.Error(), "")
	} else if text := selector.String(); text != "" {
		t.Metadata["metricSelector"] = v1alpha1.Scalar(text)
	}
	return t
}

// checkName adds a mistake for a name that Kubernetes does not accept.
func (c metric) checkName(field, name string) {
	problems := content.IsPathSegmentName(name)
	if name == "" {
		problems = []string{"is required"}
	}
	for _, problem := range problems {
		c.mistakes.add(c.path+"."+field, problem, "")
	}
}

// target sets the target of a trigger to the first of the given fields that is set.
func (c metric) target(
	field string, t *v1alpha1.Trigger, target *autoscalingv2.MetricTarget, fields ...func(string, *v1alpha1.Trigger, *autoscalingv2.MetricTarget) bool,
) {
	for _, set := range fields {
		if set(field, t, target) {
			c.reportTargetType(field, target, t.MetricType)
			return
		}
	}
	suggestion := "value or averageValue"
	if len(fields) == 1 {
		suggestion = "averageValue"
	}
	c.mistakes.add(c.path+"."+field+".target", "has no value", suggestion)
}

// averageValue sets the target of a trigger to averageValue if it is set.
func (c metric) averageValue(field string, t *v1alpha1.Trigger, target *autoscalingv2.MetricTarget) bool {
	if target.AverageValue == nil {
		return false
	}
	t.MetricType, t.Metadata["value"] = "AverageValue", c.amount(field+".target.averageValue", target.AverageValue)
	return true
}

// value sets the target of a trigger to value if it is set.
func (c metric) value(field string, t *v1alpha1.Trigger, target *autoscalingv2.MetricTarget) bool {
	if target.Value == nil {
		return false
	}
	t.MetricType, t.Metadata["value"] = "Value", c.amount(field+".target.value", target.Value)
	c.notes.addValueNotes(c.path + "." + field + ".target.value")
	return true
}

// amount returns a target. One that is too large is a mistake; one that is too fine is rounded up, as an HPA does.
func (c metric) amount(field string, target *resource.Quantity) v1alpha1.Scalar {
	text := target.String()
	_, err := scalers.ParseExact(text)
	switch largest := resource.NewMilliQuantity(math.MaxInt64, resource.DecimalSI); {
	case target.Sign() <= 0:
		c.mistakes.add(c.path+"."+field, "must be above 0", "")
	case err != nil && target.Cmp(*largest) < 0:
		text = scalers.Milli(target.MilliValue()).String()
		c.notes.add(c.path+"."+field, target.String()+" is finer than 0.001, and an HPA rounds it up", "it is "+text+" here")
	case err != nil:
		c.mistakes.add(c.path+"."+field, err.Error(), "")
	}
	return v1alpha1.Scalar(text)
}
