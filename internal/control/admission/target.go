package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

const targetField = "spec.scaleTargetRef"

// checkTarget checks that nothing else scales the target of an object.
func (s *Reviewer) checkTarget(r *review, so *v1alpha1.ScaledObject, v *verdict) {
	target := compile.TargetOf(so)
	if other := s.options.Claimant(target, types.NamespacedName{Namespace: so.Namespace, Name: so.Name}); other != "" {
		v.refuse(!r.sameTarget(), diag.Error{
			Field: targetField, Problem: fmt.Sprintf("ScaledObject %s scales the same %s", other, target.Kind), Suggestion: "remove one of the two",
		})
	}
	if hpa := s.options.HPA(target); hpa != "" {
		v.refuse(!r.sameTarget() && !so.Spec.DryRun && !r.adopting(), diag.Error{
			Field:      targetField,
			Problem:    fmt.Sprintf("HorizontalPodAutoscaler %s scales the same %s, so Impulse writes no count", hpa, target.Kind),
			Suggestion: fmt.Sprintf("impulse adopt hpa %s replaces it; spec.dryRun: true compares the two", hpa),
		})
	}
}

// checkRequests checks that pods of the target request the resources whose usage is measured in percent of the requests.
func (s *Reviewer) checkRequests(ctx context.Context, so *v1alpha1.ScaledObject, w *compile.Workload, v *verdict) {
	var pod *corev1.PodSpec
	for i := range so.Spec.Triggers {
		if w.Policy.Triggers[i].Metric != scalers.Utilization {
			continue
		}
		if pod == nil {
			if pod = s.options.PodSpec(ctx, w.Target); pod == nil {
				return // There is no such target yet, or it cannot be read.
			}
		}
		t := &so.Spec.Triggers[i]
		value := t.Metadata["containerName"]
		name, _ := value.Text()
		s.checkRequest(ctx, fmt.Sprintf("spec.triggers[%d]", i), w.Target, pod, corev1.ResourceName(t.Type), name, v)
	}
}

// checkRequest checks the requests of one resource, of all containers or of the one with a name.
func (s *Reviewer) checkRequest(ctx context.Context, field string, target actuator.Target, pod *corev1.PodSpec, resource corev1.ResourceName, container string, v *verdict) {
	lacking, found := lackingRequest(pod, resource, container)
	of := target.Kind + " " + target.Name
	if !found {
		v.refuse(false, diag.Error{Field: field + ".metadata.containerName", Problem: fmt.Sprintf("%s has no container %s", of, container)})
		return
	}
	if len(lacking) == 0 {
		return
	}
	// A LimitRange of the namespace sets the requests of new pods.
	defaulted, err := s.options.DefaultRequest(ctx, target.Namespace, resource)
	if defaulted {
		return
	}
	word := "container"
	if len(lacking) > 1 {
		word = "containers"
	}
	v.refuse(err == nil, diag.Error{
		Field:      field,
		Problem:    fmt.Sprintf("needs the %s requests of the pods, and %s %s of %s has none", resource, word, strings.Join(lacking, ", "), of),
		Suggestion: fmt.Sprintf("set resources.requests.%s there, or metricType: AverageValue here", resource),
	})
}

// lackingRequest returns the containers without a request for a resource, of all or of the one with a name; found is false if there is none
// with this name. A limit counts, because the API server requests as much as the limit for pods without a request.
func lackingRequest(pod *corev1.PodSpec, resource corev1.ResourceName, name string) (lacking []string, found bool) {
	if name == "" && pod.Resources != nil && has(*pod.Resources, resource) {
		return nil, true
	}
	containers := slices.Clone(pod.Containers)
	for i := range pod.InitContainers {
		if p := pod.InitContainers[i].RestartPolicy; p != nil && *p == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, pod.InitContainers[i])
		}
	}
	for i := range containers {
		c := &containers[i]
		if name != "" && name != c.Name {
			continue
		}
		if found = true; !has(c.Resources, resource) {
			lacking = append(lacking, c.Name)
		}
	}
	return lacking, found
}

func has(r corev1.ResourceRequirements, resource corev1.ResourceName) bool {
	_, requested := r.Requests[resource]
	_, limited := r.Limits[resource]
	return requested || limited
}
