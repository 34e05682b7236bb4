package lint

import (
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Check returns the warnings about an object that was compiled to w, in the order of the file.
func Check(so *v1alpha1.ScaledObject, w *compile.Workload) []diag.Error {
	l := &linter{so: so, w: w}
	l.cooldown()
	l.tolerance()
	l.formula()
	l.paused()
	for i := range w.Triggers {
		l.requirement(i)
		l.zero(i)
		l.activation(i)
		l.exact(i)
		l.nulls(i)
		l.memory(i)
	}
	return l.warnings
}

// Ended returns the warning that the pause of a compiled object has ended at a time; nil if it has not.
func Ended(w *compile.Workload, now time.Time) *diag.Error {
	p := w.Policy.Paused
	if p.Effective(scalers.InstantOf(now)) == p {
		return nil
	}
	return &diag.Error{
		Field: "metadata.annotations." + compile.PausedUntil, Problem: "is in the past: the object is not paused", Suggestion: "remove the annotations of the pause, or write a later time",
	}
}

// linter collects the warnings about one object.
type linter struct {
	so       *v1alpha1.ScaledObject
	w        *compile.Workload
	warnings []diag.Error
}

func (l *linter) warn(field, problem, suggestion string) {
	l.warnings = append(l.warnings, diag.Error{Field: field, Problem: problem, Suggestion: suggestion})
}

// cooldown warns about a cooldown that ends before the next reading, so that one low reading scales down.
func (l *linter) cooldown() {
	p := l.w.Policy
	if p.Down.Window >= l.interval() && (p.Idle < 0 || p.Cooldown >= l.interval()) || !l.polled() {
		return
	}
	field, name, length := "spec.cooldownPeriod", "cooldownPeriod", p.Cooldown
	if p.Down.Window < p.Cooldown {
		field, name, length = "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds", "the scale-down window", p.Down.Window
	}
	l.warn(field, fmt.Sprintf("%s, %s, is shorter than pollingInterval, %s: one low reading scales down", name, length, l.interval()),
		"make it twice the interval or more")
}

// tolerance warns about one that contains all steps from the minimum to the maximum: nothing changes until the load exceeds what either
// of the two counts is for.
func (l *linter) tolerance() {
	const whole = 1_000_000
	p := l.w.Policy
	least, most := max(int64(p.Min), 1), int64(p.Max)
	if least == most || !l.tolerated() {
		return
	}
	const path = "spec.advanced.horizontalPodAutoscalerConfig.behavior."
	// A load for most replicas at least replicas is a ratio of most/least, and the other way round.
	if most*whole <= least*(whole+p.Up.Tolerance) {
		l.warn(path+"scaleUp.tolerance", fmt.Sprintf("at %d replicas a load for %d is within the tolerance, %s: no step is taken before the load is above that",
			least, most, percent(p.Up.Tolerance)), "make it smaller, or the limits wider")
	}
	if least*whole >= most*(whole-p.Down.Tolerance) {
		l.warn(path+"scaleDown.tolerance", fmt.Sprintf("at %d replicas a load for %d is within the tolerance, %s: no step is taken before the load is below that",
			most, least, percent(p.Down.Tolerance)), "make it smaller, or the limits wider")
	}
}
