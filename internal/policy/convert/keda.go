package convert

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

// Defaults of KEDA, in seconds and replicas.
const (
	kedaPolling  int32 = 30
	kedaCooldown int32 = 300
	kedaMax      int32 = 100
)

// transferAnnotation has an HPA of the target handed over to KEDA.
const transferAnnotation = "scaledobject.keda.sh/transfer-hpa-ownership"

// KEDA converts one of KEDA's ScaledObjects, which has the same fields. It returns notes about the differences that are left.
func KEDA(old *v1alpha1.ScaledObject) (so *v1alpha1.ScaledObject, notes []diag.Error) {
	var left diagnostics
	so = &v1alpha1.ScaledObject{TypeMeta: typeMeta(), ObjectMeta: metadataOf(&old.ObjectMeta), Spec: *old.Spec.DeepCopy()}
	spec := &so.Spec
	setDefault(&spec.PollingInterval, kedaPolling)
	setDefault(&spec.CooldownPeriod, kedaCooldown)
	setDefault(&spec.MinReplicaCount, 0)
	left.renewTarget(&spec.ScaleTargetRef)
	left.readSwitches(so.Annotations)
	if old.Annotations[transferAnnotation] == "true" {
		left.add("metadata.annotations."+transferAnnotation, "has KEDA take over the HPA of the target",
			"it was removed: impulse adopt hpa takes it over, and impulse run --watch-keda, which reads the original")
	}
	left.raiseToOneReplica(spec)
	left.dropFallback(spec)
	setDefault(&spec.MaxReplicaCount, kedaMax)
	if spec.Advanced == nil {
		spec.Advanced = &v1alpha1.Advanced{}
	}
	if spec.Advanced.HorizontalPodAutoscalerConfig == nil {
		spec.Advanced.HorizontalPodAutoscalerConfig = &v1alpha1.HorizontalPodAutoscalerConfig{}
	}
	if m := spec.Advanced.ScalingModifiers; m != nil && *m == (v1alpha1.ScalingModifiers{}) {
		spec.Advanced.ScalingModifiers = nil
	}
	config := spec.Advanced.HorizontalPodAutoscalerConfig
	if config.Behavior == nil {
		left.addMissingBehaviorNote("spec.advanced.horizontalPodAutoscalerConfig.behavior")
	}
	config.Behavior = withDefaults(config.Behavior)
	left.addPercentageNotes("spec.advanced.horizontalPodAutoscalerConfig.behavior", config.Behavior, max(*spec.MinReplicaCount, 1), *spec.MaxReplicaCount)
	idles := *spec.MinReplicaCount == 0 || spec.IdleReplicaCount != nil
	if idles && limitsDown(config.Behavior.ScaleDown) {
		left.add("spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown", "KEDA scales to the idle count at once when the cooldown is over, past these policies", "here they limit that step, too")
	}
	if spec.Fallback != nil {
		left.add("spec.fallback.failureThreshold", "KEDA counts each request of its HPA, every 15 s", fmt.Sprintf("here each reading counts, every pollingInterval: %d s", *spec.PollingInterval))
	}
	left.addFormulaTargets(spec)
	cached := true
	for i := range spec.Triggers {
		left.convertTrigger(item("spec.triggers", i), &spec.Triggers[i])
		t := &spec.Triggers[i]
		cached = cached && (t.UseCachedMetrics || t.Type == "cron" || t.Type == "alertmanager")
	}
	if !cached && *spec.PollingInterval != tick {
		left.add("spec.pollingInterval", "KEDA polls at this interval while the workload is idle, and every 15 s while it is active",
			fmt.Sprintf("here it polls every %d s at any time", *spec.PollingInterval))
	}
	return so, left
}

// convertTrigger writes KEDA's defaults into a trigger.
func (f *diagnostics) convertTrigger(path string, t *v1alpha1.Trigger) {
	t.Metadata = maps.Clone(t.Metadata)
	if t.MetricType == "Value" {
		f.addValueNotes(path + ".metricType")
	}
	if ref := t.AuthenticationRef; ref != nil && ref.Name == "" {
		f.add(path+".authenticationRef", "names nothing", "it was removed")
		t.AuthenticationRef = nil
	}
	switch t.Type {
	case "prometheus":
		f.convertAWS(path+".metadata.", t)
		if _, ok := t.Metadata["ignoreNullValues"]; !ok {
			f.add(path+".metadata", "KEDA reads an empty, NaN or infinite answer as 0", "here it is unknown and lowers nothing; ignoreNullValues: true keeps the 0")
		}
	case "kafka", "apache-kafka":
		if t.Metadata["allowIdleConsumers"] != "true" {
			f.add(path+".metadata", "KEDA may ask for one replica more than there are partitions",
				"here it is at most one for each; allowIdleConsumers: true allows more")
		}
	case "rabbitmq":
		if t.Metadata["mode"] == "Unknown" {
			f.add(path+".metadata.mode", "is Unknown, which is the same as not given in KEDA", "it was removed")
			delete(t.Metadata, "mode")
		}
	case "cron":
		f.add(path+".type", "KEDA applies the tolerance of its HPA: 11 replicas may stay where 10 are scheduled", "here a schedule is exact")
	case "cpu", "memory":
		f.renewMetricType(path, t)
	}
}

// convertAWS removes from a prometheus trigger the parameters for Amazon's service that have no effect in KEDA.
func (f *diagnostics) convertAWS(path string, t *v1alpha1.Trigger) {
	given := func(key string) bool { return strings.TrimSpace(string(t.Metadata[key])) != "" }
	owner := strings.TrimSpace(string(t.Metadata["identityOwner"]))
	asOperator := owner != "" && owner != "pod"
	withKey := t.AuthenticationRef != nil || given("awsAccessKeyID") || given("awsAccessKeyIDFromEnv")
	switch {
	case given("authModes") && given("awsRegion"):
		f.add(path+"awsRegion", "has no effect in KEDA beside authModes", "it was removed")
		delete(t.Metadata, "awsRegion")
	case given("authModes"):
	case asOperator:
		f.add(path+"identityOwner", "is the identity of KEDA's operator, here that of the KEDA bridge", bridgeaddr.Requirement)
		t.Metadata["identityOwner"] = "operator" // KEDA reads any text but pod so.
	case given("awsRegion") && !withKey:
		f.add(path+"awsRegion", "has no effect in KEDA without credentials", "it was removed")
		delete(t.Metadata, "awsRegion")
	}
}

// optionalTargets has the targets that KEDA does not read, and so does not require, while a formula decides.
var optionalTargets = map[string]string{"kubernetes-workload": "value", "metrics-api": "targetValue", "postgresql": "targetQueryValue"}

// addFormulaTargets writes a target into each input of a formula that has none: here it is required, and has no effect there, either.
func (f *diagnostics) addFormulaTargets(spec *v1alpha1.ScaledObjectSpec) {
	if m := spec.Advanced.ScalingModifiers; m == nil || m.Formula == "" {
		return
	}
	for i := range spec.Triggers {
		t := &spec.Triggers[i]
		key, ok := optionalTargets[t.Type]
		if value := strings.TrimSpace(string(t.Metadata[key])); !ok || value != "" && value != "0" {
			continue
		}
		t.Metadata = maps.Clone(t.Metadata)
		if t.Metadata == nil {
			t.Metadata = map[string]v1alpha1.Scalar{}
		}
		t.Metadata[key] = "1"
		f.add(item("spec.triggers", i)+".metadata."+key, "is not given, and has no effect in a formula", "it is required here, and is 1")
	}
}

// renewMetricType converts the metric type of cpu and memory that is in the metadata, as it was before KEDA 2.18.
func (f *diagnostics) renewMetricType(path string, t *v1alpha1.Trigger) {
	old, ok := t.Metadata["type"]
	if !ok {
		return
	}
	delete(t.Metadata, "type")
	if t.MetricType == "" {
		t.MetricType = string(old)
		f.add(path+".metadata.type", "is not read since KEDA 2.18", "metricType is "+t.MetricType)
		return
	}
	f.add(path+".metadata.type", "has no effect beside metricType", "it was removed")
}

// raiseToOneReplica raises a minimum of 0 where only cpu and memory are measured: they are always active, and KEDA's HPA has
// 1 replica then.
func (f *diagnostics) raiseToOneReplica(spec *v1alpha1.ScaledObjectSpec) {
	if *spec.MinReplicaCount == 0 && onlyResources(spec.Triggers) {
		f.add("spec.minReplicaCount", "is 0, and KEDA keeps 1 replica, as cpu and memory cannot activate a workload that has no pods", "here it is 1")
		*spec.MinReplicaCount = 1
	}
}

// dropFallback removes a fallback for cpu and memory alone. KEDA's webhook refuses it, and without the webhook nothing reads it.
func (f *diagnostics) dropFallback(spec *v1alpha1.ScaledObjectSpec) {
	if spec.Fallback != nil && onlyResources(spec.Triggers) {
		f.add("spec.fallback", "has no effect in KEDA with cpu and memory alone, which no scaler reads", "it was removed")
		spec.Fallback = nil
	}
}

// onlyResources reports whether there are triggers, and all measure cpu or memory.
func onlyResources(triggers []v1alpha1.Trigger) bool {
	other := func(t v1alpha1.Trigger) bool { return t.Type != "cpu" && t.Type != "memory" }
	return len(triggers) > 0 && !slices.ContainsFunc(triggers, other)
}

// readSwitches writes true for each text that is no boolean in an annotation that switches something on: KEDA reads it so.
func (f *diagnostics) readSwitches(annotations map[string]string) {
	for _, name := range []string{"paused", "paused-scale-in", "paused-scale-out", "force-activation"} {
		key := "autoscaling.keda.sh/" + name
		text, given := annotations[key]
		if _, err := strconv.ParseBool(text); given && err != nil {
			f.add("metadata.annotations."+key, fmt.Sprintf("is %q, which KEDA reads as true", text), "it is true here")
			annotations[key] = "true"
		}
	}
}

// setDefault sets a field that is not set.
func setDefault(p **int32, value int32) {
	if *p == nil {
		*p = &value
	}
}
