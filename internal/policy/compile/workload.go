// Package compile turns an object that a user wrote into what the rest of the house works with: a target, a policy and
// typed trigger configs. It does no I/O, and says every mistake at once.
package compile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Workload is one compiled ScaledObject.
type Workload struct {
	Namespace, Name string
	UID             types.UID
	Generation      int64
	Target          actuator.Target
	Policy          *scalers.Policy
	// UnknownAnnotations describes annotations that seem to be meant for Impulse, and have no effect; "" when there are none.
	UnknownAnnotations string
	// DryRun: it is decided and reported, and nothing is written.
	DryRun bool
	// DryRunOfAll: that is so for all workloads of the process.
	DryRunOfAll bool
	// Shadow is the policy that is decided beside this one; nil for none.
	Shadow *Workload
	// Triggers are in the order of the spec. The policy has them in this order, and after them the composite trigger of a
	// formula, which has no source.
	Triggers []Trigger
	// paused has the full name of each annotation that pauses the object, by its name within its group.
	paused map[string]string
}

// Key is namespace/name.
func (w *Workload) Key() string { return w.Namespace + "/" + w.Name }

// NeedsPods reports whether some trigger is read against the target's pods.
func (w *Workload) NeedsPods() bool {
	for i := range w.Policy.Triggers {
		if t := &w.Policy.Triggers[i]; t.PerPod || t.Metric == scalers.Value && !t.Exact {
			return true
		}
	}
	return false
}

// Trigger is one compiled trigger.
type Trigger struct {
	Name            string
	Kind            triggers.Kind
	Config          triggers.Config
	PollingInterval time.Duration
	Auth            *v1alpha1.AuthenticationRef
}

// errorList collects the mistakes of an object.
type errorList []diag.Error

func (m *errorList) add(field, problem, suggestion string) {
	*m = append(*m, diag.Error{Field: field, Problem: problem, Suggestion: suggestion})
}

// Compile compiles an object whose defaults are filled in. The mistakes are all that there are; with any of them the
// workload is nil.
func Compile(so *v1alpha1.ScaledObject, kinds []triggers.Kind, settings Settings) (*Workload, []diag.Error) {
	var wrong errorList
	w := &Workload{
		Namespace: so.Namespace, Name: so.Name, UID: so.UID, Generation: so.Generation,
		Target: TargetOf(so),
		Policy: policyOf(so, settings, &wrong),
		DryRun: so.Spec.DryRun || settings.DryRun, DryRunOfAll: settings.DryRun, UnknownAnnotations: joinUnknown(UnknownAnnotations(so.Annotations)),
		paused: pausedBy(so),
	}
	if so.Spec.ScaleTargetRef.Name == "" {
		wrong.add("spec.scaleTargetRef.name", "is required", "")
	}
	compileTriggers(so, kinds, w, &wrong)
	if len(w.Policy.Triggers) == len(so.Spec.Triggers) { // Otherwise names are missing.
		compileModifiers(&so.Spec, w.Policy, &wrong)
	}
	compileFallback(&so.Spec, w.Policy, &wrong)
	checkIdle(w.Policy, &wrong)
	w.Shadow = compileShadow(so, kinds, settings, &wrong)
	if len(wrong) > 0 {
		return nil, wrong
	}
	if err := w.Policy.Validate(); err != nil {
		return nil, errorList{{Field: "spec", Problem: err.Error()}}
	}
	return w, nil
}

// TargetOf is the target of an object whose defaults are filled in.
func TargetOf(so *v1alpha1.ScaledObject) actuator.Target {
	ref := &so.Spec.ScaleTargetRef
	return actuator.Target{Namespace: so.Namespace, APIVersion: ref.APIVersion, Kind: ref.Kind, Name: ref.Name}
}

// Restores reports whether the target of an object gets its original count back when the object is deleted.
func Restores(so *v1alpha1.ScaledObject) bool {
	return so.Spec.Advanced != nil && so.Spec.Advanced.RestoreToOriginalReplicaCount
}

// compileTriggers decodes every trigger and gives names to those without.
func compileTriggers(so *v1alpha1.ScaledObject, kinds []triggers.Kind, w *Workload, wrong *errorList) {
	if len(so.Spec.Triggers) == 0 {
		wrong.add("spec.triggers", "is empty", "at least one trigger is needed")
	}
	names := map[string]bool{}
	for i := range so.Spec.Triggers {
		t := &so.Spec.Triggers[i]
		path := fmt.Sprintf("spec.triggers[%d]", i)
		name := nameOf(t, names)
		if names[name] {
			wrong.add(path+".name", fmt.Sprintf("%q is used twice", name), "names are unique within an object")
		}
		names[name] = true
		checkTrigger(path, t, wrong)
		compiled, level, ok := compileTrigger(path, t, kinds, wrong)
		if !ok {
			continue
		}
		boundsOf(path, t, &level, wrong)
		compiled.Name, level.Name = name, name
		compiled.PollingInterval = time.Duration(deref(so.Spec.PollingInterval, defaultPolling)) * time.Second
		if !level.Continuous {
			level.StaleAfter = 3 * compiled.PollingInterval
		}
		w.Triggers = append(w.Triggers, compiled)
		w.Policy.Triggers = append(w.Policy.Triggers, level)
	}
}

// boundsOf reads how far a trigger may go.
func boundsOf(path string, t *v1alpha1.Trigger, level *scalers.Trigger, wrong *errorList) {
	level.Min, level.Max, level.Cap = deref(t.Min, 0), deref(t.Max, 0), t.Cap
	switch {
	case level.Min < 0:
		wrong.add(path+".min", fmt.Sprintf("%d is below 0", level.Min), "")
	case t.Max != nil && level.Max < 1:
		wrong.add(path+".max", fmt.Sprintf("%d is below 1", level.Max), "")
	case t.Max != nil && level.Min > level.Max:
		wrong.add(path+".min", fmt.Sprintf("%d is above max, %d", level.Min, level.Max), "")
	}
}

// checkIdle refuses a rest that nothing could end: cpu and memory are not there without pods.
func checkIdle(p *scalers.Policy, wrong *errorList) {
	if p.Min == 0 && len(p.Triggers) > 0 && !slices.ContainsFunc(p.Triggers, func(t scalers.Trigger) bool { return !t.PerPod }) {
		wrong.add("spec.minReplicaCount", "is 0, and cpu and memory cannot wake a workload that has no pods", "1 or more, or a trigger of another type")
	}
}

// nameOf is the trigger's name: its own, or its type, and then type-2 and so on.
func nameOf(t *v1alpha1.Trigger, used map[string]bool) string {
	if t.Name != "" {
		return t.Name
	}
	return UniqueName(t.Type, used)
}

// UniqueName is a name, or the first of name-2, name-3 and so on that is not used.
func UniqueName(name string, used map[string]bool) string {
	unique := name
	for n := 2; used[unique]; n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	return unique
}

// compileTrigger decodes one trigger's type, metadata and metric type.
func compileTrigger(path string, t *v1alpha1.Trigger, kinds []triggers.Kind, wrong *errorList) (Trigger, scalers.Trigger, bool) {
	kind, ok := kindOf(path, t.Type, kinds, wrong)
	if !ok {
		return Trigger{}, scalers.Trigger{}, false
	}
	metadata := make(map[string]string, len(t.Metadata))
	for key, value := range t.Metadata {
		text, scalar := value.Text()
		if !scalar {
			wrong.add(path+".metadata."+key, "is neither a string nor a number nor a boolean", "")
		}
		metadata[key] = text
	}
	config, err := kind.Decode(metadata)
	for _, m := range triggers.FieldErrors(err) {
		wrong.add(path+".metadata."+m.Field, m.Problem, m.Suggestion)
	}
	if err != nil {
		return Trigger{}, scalers.Trigger{}, false
	}
	level := config.Trigger()
	metricOf(path, t, kind, &level, wrong)
	return Trigger{Kind: kind, Config: config, Auth: t.AuthenticationRef}, level, true
}

// metricOf reads as what the trigger's level is taken.
func metricOf(path string, t *v1alpha1.Trigger, kind triggers.Kind, level *scalers.Trigger, wrong *errorList) {
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
		wrong.add(path+".metricType", fmt.Sprintf("%q does not go with %s", t.MetricType, kind.Name), strings.Join(names, " or "))
		return
	}
	level.Metric = known[i]
	if level.Increment.Amount != 0 && level.Metric == scalers.Value {
		wrong.add(path+".metricType", "Value does not go with a step, which counts", "leave it out")
	}
	if level.Metric != scalers.Utilization {
		return
	}
	switch {
	case level.Target%1000 != 0:
		wrong.add(path+".metadata.value", level.Target.String()+" is no whole percentage", "such as 60")
	case level.Target > maxPercent:
		wrong.add(path+".metadata.value", level.Target.String()+" is no percentage", "an amount per pod goes with metricType: AverageValue")
	}
}

// maxPercent is above every percentage that somebody means, and below the amounts of memory that are taken for one.
const maxPercent scalers.Milli = 1_000_000_000

// metricNames are those of autoscaling/v2, in the order of the metrics.
var metricNames = [...]string{scalers.AverageValue: "AverageValue", scalers.Value: "Value", scalers.Utilization: "Utilization"}

// kindOf returns the kind of a type.
func kindOf(path, name string, kinds []triggers.Kind, wrong *errorList) (triggers.Kind, bool) {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if names[i] = k.Name; k.Name == name {
			return k, true
		}
	}
	suggestion := fmt.Sprintf("known are %v", names)
	if near := diag.Nearest(name, names); near != "" {
		suggestion = diag.DidYouMean(near)
	}
	wrong.add(path+".type", fmt.Sprintf("unknown trigger type %q", name), suggestion)
	return triggers.Kind{}, false
}

func deref[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
