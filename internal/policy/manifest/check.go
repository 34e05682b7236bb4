package manifest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/lint"
	"github.com/impulse-sh/impulse/internal/strictyaml"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
)

// Compiled is a valid object with the workload that it was compiled into.
type Compiled struct {
	*Object

	Workload *compile.Workload
}

// Compile compiles every ScaledObject. It returns the mistakes in each of them and between them, and warnings.
func Compile(objects []*Object, known []triggers.Kind) ([]Compiled, []diag.Error) {
	var (
		compiled []Compiled
		problems []diag.Error
	)
	targets, names, authentications := map[string]*Object{}, map[string]*Object{}, map[string]*Object{}
	for _, o := range objects {
		authentications[o.Authentication] = o
	}
	for _, o := range objects {
		if o.ScaledObject == nil {
			problems = append(problems, o.conversionWarnings()...)
			continue
		}
		w, mistakes := o.Compile(known, compile.DefaultSettings())
		problems = append(problems, mistakes...)
		problems = append(problems, warningsOf(o, w, references{
			func(key string) *Object { return authentications[key] }, "is not in these files", "it must be in the cluster",
		})...)
		unknown := unknownAnnotations(o)
		problems, o.broken = append(problems, unknown...), o.broken || Failed(unknown)
		if w != nil {
			problems = append(problems, lintWarnings(o, w)...)
		}
		clash := o.checkUnique(names, o.name(), "metadata.name", "is a duplicate: another object has the same name")
		target := fmt.Sprint(o.ScaledObject.Namespace, o.ScaledObject.Spec.ScaleTargetRef)
		if clash == nil {
			clash = o.checkUnique(targets, target, "spec.scaleTargetRef", "is scaled by another object as well")
		}
		problems = append(problems, clash...)
		if w != nil && !o.broken && clash == nil {
			compiled = append(compiled, Compiled{o, w})
		}
	}
	return compiled, problems
}

// Compile compiles a ScaledObject. With any mistake the workload is nil, unless compile.KeepsPaused is true for it.
func (o *Object) Compile(known []triggers.Kind, settings compile.Settings) (*compile.Workload, []diag.Error) {
	o.convertMetadata(known)
	w, mistakes := compile.Compile(o.ScaledObject, known, settings)
	var problems []diag.Error
	for _, m := range mistakes {
		p := o.ErrorAt(m.Field, m.Problem, m.Suggestion)
		if !slices.ContainsFunc(o.refused, func(metric string) bool { return strings.HasPrefix(p.Field, metric) }) {
			problems = append(problems, p)
		}
	}
	if mistake := compile.PauseMistake(o.ScaledObject); mistake != nil {
		problems = append(problems, o.ErrorAt(mistake.Field, mistake.Problem, mistake.Suggestion))
	}
	return w, problems
}

// checkUnique records that this object has key; if another object has it already, that is a mistake at field.
func (o *Object) checkUnique(owners map[string]*Object, key, field, problem string) []diag.Error {
	first := owners[key]
	if first == nil {
		owners[key] = o
		return nil
	}
	line, _ := strictyaml.Position(first.node, field)
	return []diag.Error{o.ErrorAt(field, problem, fmt.Sprintf("%s, %s:%d", first.name(), first.File, line))}
}

// readsEnvironment reports whether a trigger takes parameters from environment variables of the target.
func readsEnvironment(t v1alpha1.Trigger) bool {
	for key := range t.Metadata {
		if strings.HasSuffix(key, triggers.VariableSuffix) {
			return true
		}
	}
	return false
}

// references finds the authentications to which triggers refer, by "KIND NAMESPACE/NAME", and describes that there is none.
type references struct {
	find                func(key string) *Object
	missing, suggestion string
}

// warningsOf returns warnings about references between objects and about fields without an effect. The workload is nil if the object has a
// mistake.
func warningsOf(o *Object, w *compile.Workload, to references) []diag.Error {
	all := o.conversionWarnings()
	warn := func(field, problem, suggestion string) { all = append(all, o.warningAt(field, problem, suggestion)) }
	spec := &o.ScaledObject.Spec
	if a := spec.Advanced; a != nil && a.HorizontalPodAutoscalerConfig != nil && a.HorizontalPodAutoscalerConfig.Name != "" {
		warn("spec.advanced.horizontalPodAutoscalerConfig.name", "has no effect", "Impulse creates no HPA")
	}
	if spec.ScaleTargetRef.EnvSourceContainerName != "" && !slices.ContainsFunc(spec.Triggers, readsEnvironment) {
		warn("spec.scaleTargetRef.envSourceContainerName", "has no effect", "no trigger has a parameter …FromEnv")
	}
	for i := range spec.Triggers {
		if t := &spec.Triggers[i]; t.UseCachedMetrics && t.Type != "kubernetes-workload" {
			warn(fmt.Sprintf("spec.triggers[%d].useCachedMetrics", i), "has no effect", "every reading counts until the next one")
		}
		ref := spec.Triggers[i].AuthenticationRef
		if ref == nil {
			continue
		}
		key := "TriggerAuthentication " + o.ScaledObject.Namespace + "/" + ref.Name
		if ref.Kind == clusterWide {
			key = clusterWide + " /" + ref.Name
		}
		field := fmt.Sprintf("spec.triggers[%d].authenticationRef", i)
		switch a := to.find(key); {
		case a == nil:
			warn(field, key+" "+to.missing, to.suggestion)
		case !a.allows(o.ScaledObject.Namespace):
			warn(field, key+" does not allow namespace "+o.ScaledObject.Namespace+": the trigger will be unknown", "add it to its "+allowedNamespaces)
		case a.identity != "" && w != nil:
			t := &w.Triggers[i]
			limit := t.Kind.Limit(t.Config, triggers.Login{Identity: triggers.PodIdentity{Provider: a.identity}})
			if limit != (triggers.Limit{}) && limit.Field == "" {
				warn(field, t.Kind.Name+" uses "+limit.Feature+" only through the KEDA bridge", bridgeaddr.Requirement+", or "+limit.Instead)
			}
		}
	}
	return all
}

// conversionWarnings returns the notes of reading or converting an object, as warnings.
func (o *Object) conversionWarnings() []diag.Error {
	var all []diag.Error
	for _, n := range o.notes {
		all = append(all, o.warningAt(n.Field, n.Problem, n.Suggestion))
	}
	return all
}

// warningAt returns a warning at a field of the object.
func (o *Object) warningAt(field, problem, suggestion string) diag.Error {
	p := o.ErrorAt(field, problem, suggestion)
	p.Warning = true
	return p
}

// lintWarnings returns the warnings of package lint.
func lintWarnings(o *Object, w *compile.Workload) []diag.Error {
	var all []diag.Error
	for _, m := range lint.Check(o.ScaledObject, w) {
		all = append(all, o.warningAt(m.Field, m.Problem, m.Suggestion))
	}
	return all
}

// EndedPauses returns a warning for each object whose pause has ended at a time.
func EndedPauses(objects []Compiled, now time.Time) []diag.Error {
	var all []diag.Error
	for _, o := range objects {
		if m := lint.Ended(o.Workload, now); m != nil {
			all = append(all, o.warningAt(m.Field, m.Problem, m.Suggestion))
		}
	}
	return all
}

// Failed reports whether any of the errors is not a warning.
func Failed(problems []diag.Error) bool {
	return slices.ContainsFunc(problems, func(p diag.Error) bool { return !p.Warning })
}
