package compile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
)

// fallbackNames are the names of the behaviors in KEDA, in the order of scalers.FallbackBehavior.
var fallbackNames = [...]string{
	scalers.FallbackStatic: "static", scalers.FallbackCurrentReplicas: "currentReplicas",
	scalers.FallbackCurrentReplicasIfHigher: "currentReplicasIfHigher", scalers.FallbackCurrentReplicasIfLower: "currentReplicasIfLower",
	scalers.FallbackScalingModifiers: "scalingModifiers",
}

// compileFallback compiles the replicas of a source that has failed for long. The triggers must be compiled.
func compileFallback(spec *v1alpha1.ScaledObjectSpec, p *scalers.Policy, errs *errorList) {
	f := spec.Fallback
	if f == nil {
		return
	}
	const path = "spec.fallback"
	if f.FailureThreshold < 0 {
		errs.add(path+".failureThreshold", fmt.Sprintf("%d is below 0", f.FailureThreshold), "")
	}
	if f.Replicas < 0 {
		errs.add(path+".replicas", fmt.Sprintf("%d is below 0", f.Replicas), "")
	}
	behavior := 0
	if f.Behavior != "" {
		behavior = slices.Index(fallbackNames[:], f.Behavior)
	}
	modifiers := spec.Advanced != nil && spec.Advanced.ScalingModifiers != nil
	switch {
	case behavior < 0:
		suggestion := strings.Join(fallbackNames[:], ", ")
		if near := diag.Nearest(f.Behavior, fallbackNames[:]); near != "" {
			suggestion = diag.DidYouMean(near)
		}
		errs.add(path+".behavior", fmt.Sprintf("%q is unknown", f.Behavior), suggestion)
		return
	case scalers.FallbackBehavior(behavior) == scalers.FallbackScalingModifiers && !modifiers:
		errs.add(path+".behavior", "scalingModifiers needs a formula", "spec.advanced.scalingModifiers.formula")
		return
	case onlyPerPod(spec, p):
		errs.add(path, "does not go with cpu, memory and kubernetes-pods alone: there is no source that may fail for long", "a trigger of another type")
	}
	p.Fallback = &scalers.Fallback{
		FailureThreshold: f.FailureThreshold, Replicas: f.Replicas, Behavior: scalers.FallbackBehavior(behavior),
		Interval: time.Duration(deref(spec.PollingInterval, defaultPolling)) * time.Second,
	}
}
