package compile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// errorList collects the mistakes of an object.
type errorList []diag.Error

func (m *errorList) add(field, problem, suggestion string) {
	*m = append(*m, diag.Error{Field: field, Problem: problem, Suggestion: suggestion})
}

// Compile compiles an object whose defaults are set (see Default). It returns all mistakes; with any of them the workload is nil.
func Compile(so *v1alpha1.ScaledObject, kinds []triggers.Kind, settings Settings) (*Workload, []diag.Error) {
	var errs errorList
	w := &Workload{
		Namespace: so.Namespace, Name: so.Name, UID: so.UID, Generation: so.Generation, Labels: so.Labels,
		Target: TargetOf(so), Container: so.Spec.ScaleTargetRef.EnvSourceContainerName,
		Policy: policyOf(so, settings, &errs),
		DryRun: so.Spec.DryRun || settings.DryRun, DryRunOfAll: settings.DryRun, UnknownAnnotations: withoutEffect(so),
		paused: pausedBy(so), pauseMistake: PauseMistake(so),
	}
	if so.Spec.ScaleTargetRef.Name == "" {
		errs.add("spec.scaleTargetRef.name", "is required", "")
	}
	compileTriggers(so, kinds, w, &errs)
	if len(w.Policy.Triggers) == len(so.Spec.Triggers) { // Otherwise names are missing.
		compileModifiers(&so.Spec, w.Policy, &errs)
	}
	compileFallback(&so.Spec, w.Policy, &errs)
	checkIdle(&so.Spec, w.Policy, &errs)
	w.Shadow = compileShadow(so, kinds, settings, &errs)
	if len(errs) > 0 {
		return nil, errs
	}
	if err := w.Policy.Validate(); err != nil {
		return nil, errorList{{Field: "spec", Problem: err.Error()}}
	}
	return w, nil
}

// TargetOf returns the target of an object whose defaults are set.
func TargetOf(so *v1alpha1.ScaledObject) actuator.Target {
	ref := &so.Spec.ScaleTargetRef
	return actuator.Target{Namespace: so.Namespace, APIVersion: ref.APIVersion, Kind: ref.Kind, Name: ref.Name}
}

// Restores reports whether the target of an object gets its original replica count back when the object is deleted.
func Restores(so *v1alpha1.ScaledObject) bool {
	return so.Spec.Advanced != nil && so.Spec.Advanced.RestoreToOriginalReplicaCount
}

// compileTriggers compiles every trigger, and names those without a name.
func compileTriggers(so *v1alpha1.ScaledObject, kinds []triggers.Kind, w *Workload, errs *errorList) {
	if len(so.Spec.Triggers) == 0 {
		errs.add("spec.triggers", "is empty", "at least one trigger is needed")
	}
	names := map[string]bool{}
	for i := range so.Spec.Triggers {
		t := &so.Spec.Triggers[i]
		path := fmt.Sprintf("spec.triggers[%d]", i)
		name := nameOf(t, names)
		if names[name] {
			errs.add(path+".name", fmt.Sprintf("%q is used twice", name), "names are unique within an object")
		}
		names[name] = true
		checkTrigger(path, t, errs)
		compiled, level, ok := compileTrigger(path, t, kinds, errs)
		if !ok {
			continue
		}
		boundsOf(path, t, &level, errs)
		compiled.Name, level.Name = name, name
		compiled.PollingInterval = time.Duration(deref(so.Spec.PollingInterval, defaultPolling)) * time.Second
		if !level.Continuous {
			level.StaleAfter = 3 * compiled.PollingInterval
		}
		w.Triggers = append(w.Triggers, compiled)
		w.Policy.Triggers = append(w.Policy.Triggers, level)
	}
}

// boundsOf compiles min, max and cap of a trigger.
func boundsOf(path string, t *v1alpha1.Trigger, level *scalers.Trigger, errs *errorList) {
	level.Min, level.Max, level.Cap = deref(t.Min, 0), deref(t.Max, 0), t.Cap
	switch {
	case level.Min < 0:
		errs.add(path+".min", fmt.Sprintf("%d is below 0", level.Min), "")
	case t.Max != nil && level.Max < 1:
		errs.add(path+".max", fmt.Sprintf("%d is below 1", level.Max), "")
	case t.Max != nil && level.Min > level.Max:
		errs.add(path+".min", fmt.Sprintf("%d is above max, %d", level.Min, level.Max), "")
	}
}

// checkIdle refuses a minimum of 0 that nothing could raise: without pods there is nothing of theirs to measure.
func checkIdle(spec *v1alpha1.ScaledObjectSpec, p *scalers.Policy, errs *errorList) {
	if p.Min == 0 && onlyPerPod(spec, p) {
		errs.add("spec.minReplicaCount", "is 0, and cpu, memory and kubernetes-pods cannot activate a workload that has no pods", "1 or more, or a trigger of another type")
	}
}

// onlyPerPod reports whether all triggers of an object measure its pods. One that has a mistake may be another.
func onlyPerPod(spec *v1alpha1.ScaledObjectSpec, p *scalers.Policy) bool {
	other := func(t scalers.Trigger) bool { return !t.PerPod }
	return len(p.Triggers) > 0 && len(p.Triggers) == len(spec.Triggers) && !slices.ContainsFunc(p.Triggers, other)
}

// nameOf returns the trigger's own name, or a unique one made of its type.
func nameOf(t *v1alpha1.Trigger, used map[string]bool) string {
	if t.Name != "" {
		return t.Name
	}
	return UniqueName(t.Type, used)
}

// UniqueName returns name, or the first of name-2, name-3 and so on that is not used.
func UniqueName(name string, used map[string]bool) string {
	unique := name
	for n := 2; used[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	return unique
}

// compileTrigger compiles the type, the metadata and the metric type of one trigger.
func compileTrigger(path string, t *v1alpha1.Trigger, kinds []triggers.Kind, errs *errorList) (Trigger, scalers.Trigger, bool) {
	kind, ok := kindOf(path, t.Type, kinds, errs)
	if !ok {
		return Trigger{}, scalers.Trigger{}, false
	}
	metadata := make(map[string]string, len(t.Metadata))
	for key, value := range t.Metadata {
		text, scalar := value.Text()
		if !scalar {
			errs.add(path+".metadata."+key, "is neither a string nor a number nor a boolean", "")
		}
		metadata[key] = text
	}
	config, err := kind.Decode(metadata)
	for _, m := range triggers.FieldErrors(err) {
		errs.add(path+".metadata."+m.Field, m.Problem, m.Suggestion)
	}
	if err != nil {
		return Trigger{}, scalers.Trigger{}, false
	}
	level := config.Trigger()
	metricOf(path, t, kind, &level, errs)
	compiled := Trigger{Kind: kind, Config: config, Cached: t.UseCachedMetrics, Auth: t.AuthenticationRef, Variables: kind.Variables(metadata)}
	if compiled.needsMetadata() {
		compiled.Metadata = metadata
	}
	return compiled, level, true
}

// metricOf compiles the metric type of a trigger.
func metricOf(path string, t *v1alpha1.Trigger, kind triggers.Kind, level *scalers.Trigger, errs *errorList) {
	known := kind.Metrics
	if known == nil {
		known = []scalers.Metric{scalers.AverageValue, scalers.Value}
	}
	names := make([]string, len(known))
	for i, m := range known {
		names[i] = metricNames[m]
	}
	i := slices.Index(names, t.MetricType)
	switch {
	case t.MetricType == "":
		i = 0
	case i < 0:
		errs.add(path+".metricType", fmt.Sprintf("%q does not go with %s", t.MetricType, kind.Name), strings.Join(names, " or "))
		return
	}
	level.Metric = known[i]
	if level.Increment.Amount != 0 && level.Metric == scalers.Value {
		errs.add(path+".metricType", "cannot be Value with step: a step is a number of replicas", "leave it out")
	}
	if level.Metric != scalers.Utilization {
		return
	}
	switch {
	case level.Target%1000 != 0:
		errs.add(path+".metadata.value", level.Target.String()+" is no whole percentage", "such as 60")
	case level.Target > maxPercent:
		errs.add(path+".metadata.value", level.Target.String()+" is no percentage", "an amount per pod goes with metricType: AverageValue")
	}
}

// maxPercent is above every sensible percentage, and below the amounts of memory that users give by mistake.
const maxPercent scalers.Milli = 1_000_000_000

// metricNames are the metric types of autoscaling/v2, in the order of scalers.Metric.
var metricNames = [...]string{scalers.AverageValue: "AverageValue", scalers.Value: "Value", scalers.Utilization: "Utilization"}

// kindOf returns the kind of a trigger type.
func kindOf(path, name string, kinds []triggers.Kind, errs *errorList) (triggers.Kind, bool) {
	var names, alone []string
	for _, k := range kinds {
		if k.Name == name {
			return k, true
		}
		names = append(names, k.Name)
		if k.Requires == "" {
			alone = append(alone, k.Name)
		}
	}
	if name == "" {
		errs.add(path+".type", "is required", "such as prometheus")
		return triggers.Kind{}, false
	}
	slices.Sort(alone)
	suggestion := "known are " + strings.Join(alone, ", ")
	if len(alone) < len(names) {
		suggestion += ", and KEDA's other types"
	}
	if near := cmp.Or(containing(name, names), diag.Nearest(name, names)); near != "" {
		suggestion = diag.DidYouMean(near)
	}
	errs.add(path+".type", fmt.Sprintf("unknown trigger type %q", name), suggestion)
	return triggers.Kind{}, false
}

// containing returns the only type that has a word between its hyphens, such as aws-sqs-queue for sqs; "" if there is none, or several.
func containing(word string, names []string) string {
	var found []string
	for _, name := range names {
		if slices.Contains(strings.Split(name, "-"), strings.ToLower(word)) {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

func deref[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
