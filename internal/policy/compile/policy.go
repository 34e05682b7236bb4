package compile

import (
	"fmt"
	"strconv"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

// The defaults of the CRD, in seconds and replicas, for objects that come from files.
const (
	defaultPolling  int32 = 30
	defaultCooldown int32 = 300
	defaultMax      int32 = 100
)

// Settings are what is said once for all workloads of a process. The HPA has them as flags of its controller.
type Settings struct {
	// CPUInitializationPeriod is how long after its start a pod's cpu is looked at with care, and InitialReadinessDelay how
	// long after its start a pod may become unready and still count as never ready.
	CPUInitializationPeriod, InitialReadinessDelay time.Duration
	// Tolerance is that of directions which state none, in millionths.
	Tolerance int64
	// DryRun: nothing is written for any workload.
	DryRun bool
}

// DefaultSettings are the HPA's.
func DefaultSettings() Settings {
	return Settings{CPUInitializationPeriod: 5 * time.Minute, InitialReadinessDelay: 30 * time.Second, Tolerance: 100_000}
}

// Default fills in what the API server fills in from the CRD.
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

// policyOf reads the limits, the rest and the behavior.
func policyOf(so *v1alpha1.ScaledObject, settings Settings, wrong *errorList) *scalers.Policy {
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
	checkCounts(spec, wrong)
	switch {
	case spec.IdleReplicaCount != nil:
		p.Idle = *spec.IdleReplicaCount
	case p.Min == 0:
		p.Idle = 0
	}
	if a := spec.Advanced; a != nil && a.HorizontalPodAutoscalerConfig != nil && a.HorizontalPodAutoscalerConfig.Behavior != nil {
		const path = "spec.advanced.horizontalPodAutoscalerConfig.behavior"
		b := a.HorizontalPodAutoscalerConfig.Behavior
		behaviorOf(path+".scaleUp", b.ScaleUp, &p.Up, wrong)
		behaviorOf(path+".scaleDown", b.ScaleDown, &p.Down, wrong)
	}
	p.Paused, p.ForceActivation = pausedOf(so, wrong), forceActivationOf(so, wrong)
	return p
}

// checkCounts says in the user's words what the policy's own validation would say in ours.
func checkCounts(spec *v1alpha1.ScaledObjectSpec, wrong *errorList) {
	least, most := deref(spec.MinReplicaCount, 0), deref(spec.MaxReplicaCount, defaultMax)
	if least < 0 {
		wrong.add("spec.minReplicaCount", fmt.Sprintf("%d is below 0", least), "")
	}
	if most < 1 {
		wrong.add("spec.maxReplicaCount", fmt.Sprintf("%d is below 1", most), "")
	}
	if least > most {
		wrong.add("spec.minReplicaCount", fmt.Sprintf("%d is above maxReplicaCount, %d", least, most), "")
	}
	if idle := spec.IdleReplicaCount; idle != nil && (*idle < 0 || *idle >= max(least, 1)) {
		wrong.add("spec.idleReplicaCount", fmt.Sprintf("%d is not below minReplicaCount, %d", *idle, least), "0 goes with every minimum")
	}
	for _, f := range []struct {
		name  string
		value *int32
		least int32
	}{{"pollingInterval", spec.PollingInterval, 1}, {"cooldownPeriod", spec.CooldownPeriod, 0}, {"initialCooldownPeriod", spec.InitialCooldownPeriod, 0}} {
		if f.value != nil && *f.value < f.least {
			wrong.add("spec."+f.name, fmt.Sprintf("%d is below %d", *f.value, f.least), "")
		}
	}
}

// behaviorOf reads one side of autoscaling/v2's behavior.
func behaviorOf(path string, rules *v1alpha1.ScalingRules, b *scalers.Behavior, wrong *errorList) {
	if rules == nil {
		return
	}
	if s := rules.StabilizationWindowSeconds; s != nil {
		if *s < 0 || *s > 3600 {
			wrong.add(path+".stabilizationWindowSeconds", fmt.Sprintf("%d is not between 0 and 3600", *s), "")
		}
		b.Window = time.Duration(*s) * time.Second
	}
	if rules.Tolerance != nil {
		b.Tolerance = tolerance(path+".tolerance", rules.Tolerance.String(), wrong)
	}
	switch selected := deref(rules.SelectPolicy, "Max"); selected {
	case "Max":
		b.Select = scalers.Max
	case "Min":
		b.Select = scalers.Min
	case "Disabled":
		b.Select = scalers.Disabled
	default:
		wrong.add(path+".selectPolicy", fmt.Sprintf("%q is unknown", selected), "Max, Min or Disabled")
	}
	if len(rules.Policies) > maxPolicies {
		wrong.add(path+".policies", fmt.Sprintf("are %d, more than %d", len(rules.Policies), maxPolicies), "")
	}
	for i, r := range rules.Policies {
		at := fmt.Sprintf("%s.policies[%d]", path, i)
		if r.Type != "Pods" && r.Type != "Percent" {
			wrong.add(at+".type", fmt.Sprintf("%q is unknown", r.Type), "Pods or Percent")
		}
		if r.Value < 1 {
			wrong.add(at+".value", fmt.Sprintf("%d is below 1", r.Value), "")
		}
		if r.PeriodSeconds < 1 || r.PeriodSeconds > 1800 {
			wrong.add(at+".periodSeconds", fmt.Sprintf("%d is not between 1 and 1800", r.PeriodSeconds), "")
		}
		b.Policies = append(b.Policies, scalers.RatePolicy{
			Percent: r.Type == "Percent", Amount: r.Value, Period: time.Duration(r.PeriodSeconds) * time.Second,
		})
	}
}

// tolerance reads a share in millionths.
func tolerance(field, text string, wrong *errorList) int64 {
	share, err := scalers.ParseMillionths(text)
	switch {
	case err != nil:
		wrong.add(field, err.Error(), "")
	case share < 0:
		wrong.add(field, text+" is below 0", "")
	}
	return share
}

// AnnotationGroups are the groups whose annotations are read, ours first, and Annotations their names in either.
var (
	AnnotationGroups = []string{"impulse.sh/", "autoscaling.keda.sh/"}
	Annotations      = []string{"paused", "paused-replicas", "paused-scale-in", "paused-scale-out", "force-activation"}
)

// pausedOf reads the annotations of both groups; ours win.
func pausedOf(so *v1alpha1.ScaledObject, wrong *errorList) scalers.Paused {
	p := scalers.Paused{
		Keep: boolAnnotation(so, "paused", wrong), In: boolAnnotation(so, "paused-scale-in", wrong), Out: boolAnnotation(so, "paused-scale-out", wrong),
	}
	if key, text := annotation(so, "paused-replicas"); key != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			wrong.add("metadata.annotations."+key, fmt.Sprintf("%q is not a number of replicas", text), "")
		}
		p.Fixed, p.At = true, int32(n)
	}
	return p
}

// forceActivationOf reads whether the user wants the object to count as active.
func forceActivationOf(so *v1alpha1.ScaledObject, wrong *errorList) bool {
	return boolAnnotation(so, "force-activation", wrong)
}

// annotation returns the key and the value of an annotation of either group; ours wins.
func annotation(so *v1alpha1.ScaledObject, name string) (key, value string) {
	for _, group := range AnnotationGroups {
		if v, ok := so.Annotations[group+name]; ok {
			return group + name, v
		}
	}
	return "", ""
}

// boolAnnotation reads an annotation that is true or false.
func boolAnnotation(so *v1alpha1.ScaledObject, name string, wrong *errorList) bool {
	key, text := annotation(so, name)
	if key == "" {
		return false
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		wrong.add("metadata.annotations."+key, fmt.Sprintf("%q is not true or false", text), "")
	}
	return on
}
