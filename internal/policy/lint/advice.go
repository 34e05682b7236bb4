// Package lint looks at objects that work, and says what in them is hardly what their author meant. It never refuses
// anything.
package lint

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// Check returns what is suspicious about an object that has been compiled, in the order of the file.
func Check(so *v1alpha1.ScaledObject, w *compile.Workload) []diag.Error {
	a := &adviser{so: so, w: w}
	a.cooldown()
	a.tolerance()
	a.formula()
	a.paused()
	for i := range w.Triggers {
		a.activation(i)
		a.exact(i)
		a.nulls(i)
		a.memory(i)
	}
	return a.said
}

// adviser collects what is said of one object.
type adviser struct {
	so   *v1alpha1.ScaledObject
	w    *compile.Workload
	said []diag.Error
}

func (a *adviser) say(field, problem, suggestion string) {
	a.said = append(a.said, diag.Error{Field: field, Problem: problem, Suggestion: suggestion})
}

// cooldown: one that is over before the next reading forgives no single low one.
func (a *adviser) cooldown() {
	p := a.w.Policy
	if p.Down.Window >= a.interval() && (p.Idle < 0 || p.Cooldown >= a.interval()) || !a.polled() {
		return
	}
	field, name, length := "spec.cooldownPeriod", "cooldownPeriod", p.Cooldown
	if p.Down.Window < p.Cooldown {
		field, name, length = "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds", "the scale-down window", p.Down.Window
	}
	a.say(field, fmt.Sprintf("%s, %s, is shorter than pollingInterval, %s: one low reading scales down", name, length, a.interval()),
		"make it twice the interval or more")
}

// tolerance: one that the way from the least to the greatest count fits into swallows every step, until the load is beyond
// what any of the counts is for.
func (a *adviser) tolerance() {
	const whole = 1_000_000
	p := a.w.Policy
	least, most := max(int64(p.Min), 1), int64(p.Max)
	if least == most || !a.tolerated() {
		return
	}
	const path = "spec.advanced.horizontalPodAutoscalerConfig.behavior."
	// Up from least: the ratio at which most would be asked for is most/least; down from most: least/most.
	if most*whole <= least*(whole+p.Up.Tolerance) {
		a.say(path+"scaleUp.tolerance", fmt.Sprintf("at %d replicas a load for %d is within the tolerance, %s: no step is taken before the load is above that",
			least, most, percent(p.Up.Tolerance)), "make it smaller, or the limits wider")
	}
	if least*whole >= most*(whole-p.Down.Tolerance) {
		a.say(path+"scaleDown.tolerance", fmt.Sprintf("at %d replicas a load for %d is within the tolerance, %s: no step is taken before the load is below that",
			most, least, percent(p.Down.Tolerance)), "make it smaller, or the limits wider")
	}
}
