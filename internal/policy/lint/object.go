package lint

import (
	"fmt"

	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/formula"
	"github.com/impulse-sh/impulse/scalers"
)

// formula warns about operators and comments that change the meaning of a formula.
func (l *linter) formula() {
	advanced := l.so.Spec.Advanced
	if advanced == nil || advanced.ScalingModifiers == nil {
		return
	}
	var names []string
	for i := range l.w.Policy.Triggers {
		if t := &l.w.Policy.Triggers[i]; t.Input {
			names = append(names, t.Name)
		}
	}
	program, err := formula.Compile(advanced.ScalingModifiers.Formula, names, nil)
	if err != nil {
		return // Its errors were reported when the object was compiled.
	}
	for _, w := range program.Warnings() {
		l.warn("spec.advanced.scalingModifiers.formula", w.Problem, w.Suggestion)
	}
}

// paused warns about paused beside paused-replicas, which pauses whatever the value of paused, and about the terms of a pause.
func (l *linter) paused() {
	p := &l.w.Policy.Paused
	for _, key := range []string{compile.PausedUntil, compile.PausedReason} {
		if _, given := l.so.Annotations[key]; given && *p == (scalers.Paused{}) {
			l.warn("metadata.annotations."+key, "has no effect without a pause", "add an annotation such as impulse.sh/paused, or remove this one")
		}
	}
	if n := len(l.so.Annotations[compile.PausedReason]); n > compile.MaxPauseReason {
		l.warn("metadata.annotations."+compile.PausedReason, fmt.Sprintf("has %d bytes, and is cut after %d", n, compile.MaxPauseReason), "make it shorter")
	}
	if !p.Fixed {
		return
	}
	for _, group := range []string{"impulse.sh/", "autoscaling.keda.sh/"} {
		if text, given := l.so.Annotations[group+"paused"]; given {
			l.warn("metadata.annotations."+group+"paused", fmt.Sprintf("is %q, and paused-replicas pauses at %d all the same", text, p.At),
				"remove paused-replicas to let the object scale")
		}
	}
}
