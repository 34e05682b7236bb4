package convert

import (
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// HPA converts a HorizontalPodAutoscaler. Metric i becomes trigger i, named after the resource or the metric. It returns notes about the
// differences that are left; with any mistake the object is of no use.
func HPA(hpa *autoscalingv2.HorizontalPodAutoscaler) (so *v1alpha1.ScaledObject, notes, mistakes []diag.Error) {
	var left, invalid diagnostics
	spec := &hpa.Spec
	so = &v1alpha1.ScaledObject{TypeMeta: typeMeta(), ObjectMeta: metadataOf(&hpa.ObjectMeta)}
	so.Spec.ScaleTargetRef = v1alpha1.ScaleTargetRef{
		APIVersion: spec.ScaleTargetRef.APIVersion, Kind: spec.ScaleTargetRef.Kind, Name: spec.ScaleTargetRef.Name,
	}
	left.renewTarget(&so.Spec.ScaleTargetRef)
	so.Spec.MinReplicaCount, so.Spec.MaxReplicaCount, so.Spec.PollingInterval = new(int32(1)), new(spec.MaxReplicas), new(tick)
	if spec.MinReplicas != nil {
		so.Spec.MinReplicaCount = new(*spec.MinReplicas)
	}
	b := withDefaults(behavior(spec.Behavior))
	so.Spec.CooldownPeriod = new(*b.ScaleDown.StabilizationWindowSeconds)
	so.Spec.Advanced = &v1alpha1.Advanced{HorizontalPodAutoscalerConfig: &v1alpha1.HorizontalPodAutoscalerConfig{Behavior: b}}
	if spec.Behavior == nil {
		left.addMissingBehaviorNote("spec.behavior")
	}
	left.addPercentageNotes("spec.behavior", b, *so.Spec.MinReplicaCount, spec.MaxReplicas)
	if *so.Spec.MinReplicaCount == 0 {
		left.add("spec.minReplicas", "is 0: an HPA scales up from 0 only if it scaled to 0 itself, by its condition ScaledToZero",
			"here every 0 is scaled up; pause the object to keep a 0")
	}
	metrics := spec.Metrics
	if len(metrics) == 0 {
		utilization := int32(80)
		metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
			Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &utilization},
		}}}
	}
	for i := range metrics {
		c := metric{path: item("spec.metrics", i), notes: &left, mistakes: &invalid}
		so.Spec.Triggers = append(so.Spec.Triggers, c.trigger(&metrics[i]))
	}
	unique(so.Spec.Triggers)
	return so, left, invalid
}

// behavior copies the behavior, whose fields are the same in both.
func behavior(b *autoscalingv2.HorizontalPodAutoscalerBehavior) *v1alpha1.Behavior {
	if b == nil {
		return nil
	}
	return &v1alpha1.Behavior{ScaleUp: rules(b.ScaleUp), ScaleDown: rules(b.ScaleDown)}
}

func rules(r *autoscalingv2.HPAScalingRules) *v1alpha1.ScalingRules {
	if r == nil {
		return nil
	}
	out := &v1alpha1.ScalingRules{StabilizationWindowSeconds: r.StabilizationWindowSeconds, Tolerance: r.Tolerance}
	if r.SelectPolicy != nil {
		out.SelectPolicy = new(string(*r.SelectPolicy))
	}
	for _, p := range r.Policies {
		out.Policies = append(out.Policies, v1alpha1.ScalingPolicy{Type: string(p.Type), Value: p.Value, PeriodSeconds: p.PeriodSeconds})
	}
	return out
}

// unique makes the names of triggers unique.
func unique(triggers []v1alpha1.Trigger) {
	used := map[string]bool{}
	for i := range triggers {
		t := &triggers[i]
		t.Name = compile.UniqueName(t.Name, used)
		used[t.Name] = true
	}
}

// OriginalField returns the path in an HPA of the field from which a field of the converted object comes.
func OriginalField(field string) string {
	for ours, theirs := range map[string]string{
		"spec.triggers[": "spec.metrics[", "spec.minReplicaCount": "spec.minReplicas", "spec.maxReplicaCount": "spec.maxReplicas",
		"spec.advanced.horizontalPodAutoscalerConfig.behavior": "spec.behavior",
	} {
		if rest, ok := strings.CutPrefix(field, ours); ok {
			return theirs + rest
		}
	}
	return field
}
