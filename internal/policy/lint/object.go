package lint

import (
	"fmt"

	"github.com/impulse-sh/impulse/internal/policy/formula"
)

// formula: operators and comments that make something else of a formula than it seems.
func (a *adviser) formula() {
	advanced := a.so.Spec.Advanced
	if advanced == nil || advanced.ScalingModifiers == nil {
		return
	}
	var names []string
	for i := range a.w.Policy.Triggers {
		if t := &a.w.Policy.Triggers[i]; t.Input {
			names = append(names, t.Name)
		}
	}
	program, err := formula.Compile(advanced.ScalingModifiers.Formula, names, nil)
	if err != nil {
		return // It was compiled before, with the object.
	}
	for _, w := range program.Warnings() {
		a.say("spec.advanced.scalingModifiers.formula", w.Problem, w.Suggestion)
	}
}

// paused: an exact count pauses, whatever paused says beside it.
func (a *adviser) paused() {
	p := &a.w.Policy.Paused
	if !p.Fixed {
		return
	}
	for _, group := range []string{"impulse.sh/", "autoscaling.keda.sh/"} {
		if text, given := a.so.Annotations[group+"paused"]; given {
			a.say("metadata.annotations."+group+"paused", fmt.Sprintf("is %q, and paused-replicas pauses at %d all the same", text, p.At),
				"take paused-replicas away to let the object scale")
		}
	}
}
