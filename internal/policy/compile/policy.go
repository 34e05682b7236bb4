package compile

import (
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

// Defaults of the CRD, in seconds and replicas, for objects from files.
const (
	defaultPolling  int32 = 30
	defaultCooldown int32 = 300
	defaultMax      int32 = 100
)

// Settings apply to all workloads of a process. The HPA controller has the same ones as flags.
type Settings struct {
	// CPUInitializationPeriod is the time after the start of a pod in which samples of its cpu may be ignored, and
	// InitialReadinessDelay the time in which a pod that becomes unready counts as never ready, both as in the HPA.
	CPUInitializationPeriod, InitialReadinessDelay time.Duration
	// Tolerance is the tolerance, in millionths, of a direction without one.
	Tolerance int64
	// DryRun means that nothing is written for any workload.
	DryRun bool
}

// DefaultSettings returns the HPA's defaults.
func DefaultSettings() Settings {
	return Settings{CPUInitializationPeriod: 5 * time.Minute, InitialReadinessDelay: 30 * time.Second, Tolerance: 100_000}
}

// Default sets the defaults that the API server sets by the CRD.
func Default(so *v1alpha1.ScaledObject) {
	fill := func(p **int32, value int32) {
		if *p == nil {
			*p = &value
		}
	}
	fill(&so.Spec.PollingInterval, defaultPolling)
	fill(&so.Spec.CooldownPeriod, defaultCooldown)
	fill(&so.Spec.InitialCooldownPeriod, 0)
	fill(&so.Spec.MinReplicaCount, 0)
	fill(&so.Spec.MaxReplicaCount, defaultMax)
	if so.Spec.ScaleTargetRef.APIVersion == "" {
		so.Spec.ScaleTargetRef.APIVersion = "apps/v1"
	}
	if so.Spec.ScaleTargetRef.Kind == "" {
		so.Spec.ScaleTargetRef.Kind = "Deployment"
	}
}

// policyOf compiles the limits, the idle count and the behavior.
func policyOf(so *v1alpha1.ScaledObject, settings Settings, errs *errorList) *scalers.Policy {
	spec := &so.Spec
	p := &scalers.Policy{
		Min: deref(spec.MinReplicaCount, 0), Max: deref(spec.MaxReplicaCount, defaultMax), Idle: scalers.NoIdle,
		Cooldown:                time.Duration(deref(spec.CooldownPeriod, defaultCooldown)) * time.Second,
		InitialCooldown:         time.Duration(deref(spec.InitialCooldownPeriod, 0)) * time.Second,
		CPUInitializationPeriod: settings.CPUInitializationPeriod, InitialReadinessDelay: settings.InitialReadinessDelay,
		Up:   scalers.Behavior{Tolerance: settings.Tolerance},
		Down: scalers.Behavior{Tolerance: settings.Tolerance},
	}
	if !so.CreationTimestamp.IsZero() {
		p.Created = scalers.InstantOf(so.CreationTimestamp.Time)
	}
	p.Down.Window = p.Cooldown
	checkCounts(spec, errs)
	switch {
	case spec.IdleReplicaCount != nil:
		p.Idle = *spec.IdleReplicaCount
	case p.Min == 0:
		p.Idle = 0
	}
	if a := spec.Advanced; a != nil && a.HorizontalPodAutoscalerConfig != nil && a.HorizontalPodAutoscalerConfig.Behavior != nil {
		const path = "spec.advanced.horizontalPodAutoscalerConfig.behavior"
		b := a.HorizontalPodAutoscalerConfig.Behavior
		behaviorOf(path+".scaleUp", b.ScaleUp, &p.Up, errs)
		behaviorOf(path+".scaleDown", b.ScaleDown, &p.Down, errs)
	}
	p.Paused, p.ForceActivation = pausedOf(so, errs), forceActivationOf(so, errs)
	return p
}

// checkCounts validates counts by the names of the spec. The validation of the policy, which knows other names, comes later.
func checkCounts(spec *v1alpha1.ScaledObjectSpec, errs *errorList) {
	least, most := deref(spec.MinReplicaCount, 0), deref(spec.MaxReplicaCount, defaultMax)
	if least < 0 {
		errs.add("spec.minReplicaCount", fmt.Sprintf("%d is below 0", least), "")
	}
	if most < 1 {
		errs.add("spec.maxReplicaCount", fmt.Sprintf("%d is below 1", most), "")
	}
	if least > most {
		problem := fmt.Sprintf("%d is above maxReplicaCount, %d", least, most)
		if most == defaultMax {
			problem += " (the default)"
		}
		errs.add("spec.minReplicaCount", problem, "")
	}
	if idle := spec.IdleReplicaCount; idle != nil && (*idle < 0 || *idle >= max(least, 1)) {
		errs.add("spec.idleReplicaCount", fmt.Sprintf("%d is not below minReplicaCount, %d", *idle, least), "0 goes with every minimum")
	}
	for _, f := range []struct {
		name  string
		value *int32
		least int32
	}{{"pollingInterval", spec.PollingInterval, 1}, {"cooldownPeriod", spec.CooldownPeriod, 0}, {"initialCooldownPeriod", spec.InitialCooldownPeriod, 0}} {
		if f.value != nil && *f.value < f.least {
			errs.add("spec."+f.name, fmt.Sprintf("%d is below %d", *f.value, f.least), "")
		}
	}
}

// behaviorOf compiles one direction of a behavior of autoscaling/v2.
func behaviorOf(path string, rules *v1alpha1.ScalingRules, b *scalers.Behavior, errs *errorList) {
	if rules == nil {
		return
	}
	if s := rules.StabilizationWindowSeconds; s != nil {
		if *s < 0 || *s > 3600 {
			errs.add(path+".stabilizationWindowSeconds", fmt.Sprintf("%d is not between 0 and 3600", *s), "")
		}
		b.Window = time.Duration(*s) * time.Second
	}
	if rules.Tolerance != nil {
		b.Tolerance = tolerance(path+".tolerance", rules.Tolerance.String(), errs)
	}
	switch selected := deref(rules.SelectPolicy, "Max"); selected {
	case "Max":
		b.Select = scalers.Max
	case "Min":
		b.Select = scalers.Min
	case "Disabled":
		b.Select = scalers.Disabled
	default:
		errs.add(path+".selectPolicy", fmt.Sprintf("%q is unknown", selected), "Max, Min or Disabled")
	}
	if len(rules.Policies) > maxPolicies {
		errs.add(path+".policies", fmt.Sprintf("are %d, more than %d", len(rules.Policies), maxPolicies), "")
	}
	for i, r := range rules.Policies {
		at := fmt.Sprintf("%s.policies[%d]", path, i)
		if r.Type != "Pods" && r.Type != "Percent" {
			errs.add(at+".type", fmt.Sprintf("%q is unknown", r.Type), "Pods or Percent")
		}
		if r.Value < 1 {
			errs.add(at+".value", fmt.Sprintf("%d is below 1", r.Value), "")
		}
		if r.PeriodSeconds < 1 || r.PeriodSeconds > 1800 {
			errs.add(at+".periodSeconds", fmt.Sprintf("%d is not between 1 and 1800", r.PeriodSeconds), "")
		}
		b.Policies = append(b.Policies, scalers.RatePolicy{
			Percent: r.Type == "Percent", Amount: r.Value, Period: time.Duration(r.PeriodSeconds) * time.Second,
		})
	}
}

// tolerance parses a share, and returns it in millionths.
func tolerance(field, text string, errs *errorList) int64 {
	share, err := scalers.ParseMillionths(text)
	switch {
	case err != nil:
		errs.add(field, err.Error(), "")
	case share < 0:
		errs.add(field, text+" is below 0", "")
	}
	return share
}

// forceActivationOf reports whether an annotation makes the object count as active.
func forceActivationOf(so *v1alpha1.ScaledObject, errs *errorList) bool {
	return boolAnnotation(so, "force-activation", errs)
}
