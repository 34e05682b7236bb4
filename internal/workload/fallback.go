package workload

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// fallbackBehaviors are KEDA's names, in the order of the core's.
var fallbackBehaviors = []string{ //nolint:gochecknoglobals // A constant list.
	scalers.FallbackStatic: "static", scalers.FallbackCurrentReplicas: "currentReplicas",
	scalers.FallbackCurrentReplicasIfHigher: "currentReplicasIfHigher", scalers.FallbackCurrentReplicasIfLower: "currentReplicasIfLower",
	scalers.FallbackScalingModifiers: "scalingModifiers",
}

// fallbackOf reads what a user wants of triggers that fail too often; nil: they stay unknown.
func fallbackOf(so *v1alpha1.ScaledObject, p *scalers.Policy, wrong *mistakes) *scalers.Fallback {
	f := so.Spec.Fallback
	if f == nil {
		return nil
	}
	if f.FailureThreshold < 0 {
		wrong.add("spec.fallback.failureThreshold", fmt.Sprintf("%d is below 0", f.FailureThreshold), "")
	}
	if f.Replicas < 0 {
		wrong.add("spec.fallback.replicas", fmt.Sprintf("%d is below 0", f.Replicas), "")
	}
	if len(p.Triggers) > 0 && !slices.ContainsFunc(p.Triggers, func(t scalers.Trigger) bool { return !t.PerPod }) {
		wrong.add("spec.fallback", "needs a trigger besides cpu and memory", "")
	}
	out := &scalers.Fallback{
		FailureThreshold: f.FailureThreshold, Replicas: f.Replicas,
		Interval: time.Duration(deref(so.Spec.PollingInterval, defaultPolling)) * time.Second,
	}
	i := 0
	if f.Behavior != "" {
		i = slices.Index(fallbackBehaviors, f.Behavior)
	}
	switch {
	case i < 0:
		suggestion := strings.Join(fallbackBehaviors, ", ")
		if near := triggers.Nearest(f.Behavior, fallbackBehaviors); near != "" {
			suggestion = fmt.Sprintf("did you mean %q?", near)
		}
		wrong.add("spec.fallback.behavior", fmt.Sprintf("%q is unknown", f.Behavior), suggestion)
	case scalers.FallbackBehavior(i) == scalers.FallbackScalingModifiers && modifiers(so) == nil:
		wrong.add("spec.fallback.behavior", "scalingModifiers needs a formula", "spec.advanced.scalingModifiers.formula")
	default:
		out.Behavior = scalers.FallbackBehavior(i)
	}
	return out
}
