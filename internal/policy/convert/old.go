package convert

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/diag"
)

// Annotations in which an HPA of an old version has what only later versions have fields for.
const (
	metricsAnnotation  = "autoscaling.alpha.kubernetes.io/metrics"
	behaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior"
)

// unkept are the annotations that a converted object does not have: those of old HPAs, which are converted or belong to the status, KEDA's for
// taking over an HPA, and kubectl's copy of the original.
var unkept = []string{
	metricsAnnotation, behaviorAnnotation, "autoscaling.alpha.kubernetes.io/conditions", "autoscaling.alpha.kubernetes.io/current-metrics",
	"kubectl.kubernetes.io/last-applied-configuration", transferAnnotation,
}

// V2beta1 is a HorizontalPodAutoscaler of autoscaling/v2beta1. Its metrics have the form that the annotation of autoscaling/v1 has.
type V2beta1 struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec V2beta1Spec `json:"spec"`
}

// V2beta1Spec is the spec of a V2beta1.
type V2beta1Spec struct {
	ScaleTargetRef autoscalingv1.CrossVersionObjectReference `json:"scaleTargetRef"`
	MinReplicas    *int32                                    `json:"minReplicas,omitempty"`
	MaxReplicas    int32                                     `json:"maxReplicas"`
	Metrics        []autoscalingv1.MetricSpec                `json:"metrics,omitempty"`
}

// FromV2beta1 translates an HPA to autoscaling/v2. original returns the field of the old object from which a field of a converted
// object or of the new HPA comes.
func FromV2beta1(old *V2beta1) (hpa *autoscalingv2.HorizontalPodAutoscaler, notes []diag.Error, original func(string) string) {
	var left diagnostics
	hpa = newHPA(&old.ObjectMeta, &old.Spec.ScaleTargetRef, old.Spec.MinReplicas, old.Spec.MaxReplicas)
	for i := range old.Spec.Metrics {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, oldMetric(&old.Spec.Metrics[i]))
	}
	left.readBehavior(hpa, old.Annotations)
	annotated := hpa.Spec.Behavior != nil
	return hpa, left, func(field string) string {
		return originalBehavior(strings.TrimSuffix(oldTargets.Replace(OriginalField(field)), ".target"), annotated)
	}
}

// FromV1 translates an HPA to autoscaling/v2, with what its annotations hold: first the metrics there, then the cpu of its spec. original
// is like that of FromV2beta1.
func FromV1(old *autoscalingv1.HorizontalPodAutoscaler) (hpa *autoscalingv2.HorizontalPodAutoscaler, notes []diag.Error, original func(string) string) {
	var left diagnostics
	hpa = newHPA(&old.ObjectMeta, &old.Spec.ScaleTargetRef, old.Spec.MinReplicas, old.Spec.MaxReplicas)
	var metrics []autoscalingv1.MetricSpec
	if text, ok := old.Annotations[metricsAnnotation]; ok {
		if err := json.Unmarshal([]byte(text), &metrics); err != nil {
			metrics = nil
			left.add("metadata.annotations."+metricsAnnotation, "is no list of metrics, and Kubernetes ignores it: "+err.Error(), "it was removed")
		}
	}
	for i := range metrics {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, oldMetric(&metrics[i]))
	}
	if old.Spec.TargetCPUUtilizationPercentage != nil {
		hpa.Spec.Metrics = append(hpa.Spec.Metrics, autoscalingv2.MetricSpec{
			Type:     autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu", Target: resourceTarget(old.Spec.TargetCPUUtilizationPercentage, nil)},
		})
	}
	left.readBehavior(hpa, old.Annotations)
	annotated := hpa.Spec.Behavior != nil
	return hpa, left, func(field string) string {
		return originalBehavior(originalMetric(OriginalField(field), len(metrics)), annotated)
	}
}

// newHPA returns an HPA of autoscaling/v2 with the fields that all versions have.
func newHPA(old *metav1.ObjectMeta, target *autoscalingv1.CrossVersionObjectReference, least *int32, most int32) *autoscalingv2.HorizontalPodAutoscaler {
	hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: *old.DeepCopy()}
	hpa.Spec.ScaleTargetRef, hpa.Spec.MinReplicas, hpa.Spec.MaxReplicas = autoscalingv2.CrossVersionObjectReference(*target), least, most
	return hpa
}

// oldMetric translates a metric. As in Kubernetes, the type of a target follows from the field of the old metric that is set.
func oldMetric(old *autoscalingv1.MetricSpec) autoscalingv2.MetricSpec {
	m := autoscalingv2.MetricSpec{Type: autoscalingv2.MetricSourceType(old.Type)}
	if o := old.Resource; o != nil {
		m.Resource = &autoscalingv2.ResourceMetricSource{Name: o.Name, Target: resourceTarget(o.TargetAverageUtilization, o.TargetAverageValue)}
	}
	if o := old.ContainerResource; o != nil {
		m.ContainerResource = &autoscalingv2.ContainerResourceMetricSource{
			Name: o.Name, Container: o.Container, Target: resourceTarget(o.TargetAverageUtilization, o.TargetAverageValue),
		}
	}
	if o := old.Pods; o != nil {
		m.Pods = &autoscalingv2.PodsMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: o.MetricName, Selector: o.Selector},
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: positive(&o.TargetAverageValue)},
		}
	}
	if o := old.Object; o != nil {
		m.Object = &autoscalingv2.ObjectMetricSource{
			DescribedObject: autoscalingv2.CrossVersionObjectReference(o.Target),
			Metric:          autoscalingv2.MetricIdentifier{Name: o.MetricName, Selector: o.Selector},
			Target:          autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: positive(&o.TargetValue)},
		}
		if o.AverageValue != nil {
			m.Object.Target = autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: o.AverageValue}
		}
	}
	if o := old.External; o != nil {
		m.External = &autoscalingv2.ExternalMetricSource{
			Metric: autoscalingv2.MetricIdentifier{Name: o.MetricName, Selector: o.MetricSelector},
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.ValueMetricType, Value: o.TargetValue, AverageValue: o.TargetAverageValue},
		}
		if o.TargetValue == nil {
			m.External.Target.Type = autoscalingv2.AverageValueMetricType
		}
	}
	return m
}

// resourceTarget returns the target of a metric of cpu or memory.
func resourceTarget(utilization *int32, value *resource.Quantity) autoscalingv2.MetricTarget {
	target := autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageUtilization: utilization, AverageValue: value}
	if utilization != nil {
		target.Type = autoscalingv2.UtilizationMetricType
	}
	return target
}

// positive returns nil for 0, which is what a target that is missing is decoded to.
func positive(target *resource.Quantity) *resource.Quantity {
	if target.IsZero() {
		return nil
	}
	return target
}

// readBehavior reads the behavior from its annotation, in which Kubernetes writes names of fields with a capital letter, as in ScaleUp.
func (f *diagnostics) readBehavior(hpa *autoscalingv2.HorizontalPodAutoscaler, annotations map[string]string) {
	text, ok := annotations[behaviorAnnotation]
	if !ok {
		return
	}
	b := &autoscalingv2.HorizontalPodAutoscalerBehavior{}
	if err := json.Unmarshal([]byte(text), b); err != nil {
		f.add("metadata.annotations."+behaviorAnnotation, "is no behavior, and Kubernetes ignores it: "+err.Error(), "it was removed")
		return
	}
	if b.ScaleUp != nil || b.ScaleDown != nil {
		hpa.Spec.Behavior = b
	}
}

// oldTargets gives the fields of a target their names in autoscaling/v2beta1.
var oldTargets = strings.NewReplacer(
	".object.target.averageValue", ".object.averageValue", ".target.averageUtilization", ".targetAverageUtilization",
	".target.averageValue", ".targetAverageValue", ".target.value", ".targetValue", ".object.target", ".object",
)

// originalMetric returns the place of a metric of autoscaling/v1: so many are in an annotation, and the next is the cpu of the spec.
func originalMetric(field string, annotated int) string {
	rest, ok := strings.CutPrefix(field, "spec.metrics[")
	if !ok {
		return field
	}
	index, rest, _ := strings.Cut(rest, "]")
	if i, err := strconv.Atoi(index); err == nil && i < annotated {
		return fmt.Sprintf("metadata.annotations.%s[%d]%s", metricsAnnotation, i, rest)
	}
	return "spec.targetCPUUtilizationPercentage"
}

// originalBehavior returns the place of a behavior that is in an annotation.
func originalBehavior(field string, annotated bool) string {
	if rest, ok := strings.CutPrefix(field, "spec.behavior"); ok && annotated {
		return "metadata.annotations." + behaviorAnnotation + rest
	}
	return field
}
