package convert

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
)

// tick is the sync period of the HPA, and window its default scale-down window, in seconds.
const (
	tick   int32 = 15
	window int32 = 300
)

// diagnostics collects notes or mistakes, with paths in the original.
type diagnostics []diag.Error

func (f *diagnostics) add(field, problem, suggestion string) {
	*f = append(*f, diag.Error{Field: field, Problem: problem, Suggestion: suggestion})
}

// withDefaults returns a behavior with the HPA's defaults, which the API server sets as soon as there is any behavior.
func withDefaults(b *v1alpha1.Behavior) *v1alpha1.Behavior {
	full := &v1alpha1.Behavior{}
	if b != nil {
		full = b.DeepCopy()
	}
	full.ScaleUp = withDefaultRules(full.ScaleUp, 0, []v1alpha1.ScalingPolicy{
		{Type: "Pods", Value: 4, PeriodSeconds: tick}, {Type: "Percent", Value: 100, PeriodSeconds: tick},
	})
	full.ScaleDown = withDefaultRules(full.ScaleDown, window, []v1alpha1.ScalingPolicy{{Type: "Percent", Value: 100, PeriodSeconds: tick}})
	return full
}

// withDefaultRules sets the defaults of one direction.
func withDefaultRules(rules *v1alpha1.ScalingRules, window int32, policies []v1alpha1.ScalingPolicy) *v1alpha1.ScalingRules {
	if rules == nil {
		rules = &v1alpha1.ScalingRules{}
	}
	if rules.StabilizationWindowSeconds == nil {
		rules.StabilizationWindowSeconds = &window
	}
	if rules.SelectPolicy == nil {
		selected := "Max"
		rules.SelectPolicy = &selected
	}
	if rules.Policies == nil {
		rules.Policies = policies
	}
	return rules
}

// addMissingBehaviorNote adds what differs without a behavior: the HPA then limits each of its syncs.
func (f *diagnostics) addMissingBehaviorNote(field string) {
	f.add(field, "is missing: an HPA may then double the count in each sync, or raise it to 4, and an old recommendation may raise it, too",
		"here the count may rise by 4 or double in 15 s, and no old recommendation raises it")
}

// addValueNotes adds what differs for metric type Value, which is multiplied by the number of ready pods.
func (f *diagnostics) addValueNotes(field string) {
	f.add(field, "an HPA reads it as 0 while there are pods and none is ready", "here it is unknown then, and lowers nothing")
	f.add(field, "an HPA multiplies it with ready pods that are being deleted as well: 1.5 times the target with 2 of them and 2 others is 6", "here it is 3")
}

// limitsDown reports whether scale-down policies ever limit a fall that is smaller than the whole count.
func limitsDown(down *v1alpha1.ScalingRules) bool {
	all := func(p v1alpha1.ScalingPolicy) bool { return p.Type == "Percent" && p.Value >= 100 }
	free := 0
	for _, p := range down.Policies {
		if all(p) {
			free++
		}
	}
	switch *down.SelectPolicy {
	case "Disabled":
		return true
	case "Min":
		return free < len(down.Policies)
	default:
		return free == 0 && len(down.Policies) > 0
	}
}

// metadataOf returns the metadata that the new object has from the old one.
func metadataOf(old *metav1.ObjectMeta) metav1.ObjectMeta {
	kept := metav1.ObjectMeta{
		Name: old.Name, Namespace: old.Namespace, Labels: old.Labels, CreationTimestamp: old.CreationTimestamp, UID: old.UID, Generation: old.Generation,
	}
	for key, value := range old.Annotations {
		if slices.Contains(unkept, key) {
			continue
		}
		if kept.Annotations == nil {
			kept.Annotations = map[string]string{}
		}
		kept.Annotations[key] = value
	}
	return kept
}

func typeMeta() metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupName + "/v1alpha1", Kind: "ScaledObject"}
}

func item(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// removedGroups are API versions of apps/v1 that Kubernetes served before 1.16.
var removedGroups = []string{"extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"}

// renewTarget sets the API version of a workload whose own is not served any more.
func (f *diagnostics) renewTarget(target *v1alpha1.ScaleTargetRef) {
	if slices.Contains(removedGroups, target.APIVersion) && slices.Contains([]string{"Deployment", "StatefulSet", "ReplicaSet", ""}, target.Kind) {
		f.add("spec.scaleTargetRef.apiVersion", target.APIVersion+" is not served since Kubernetes 1.16", "it is apps/v1 here")
		target.APIVersion = "apps/v1"
	}
}
