package workload

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/formula"
	"github.com/impulse-sh/impulse/scalers"
)

// Composite is the name of the trigger that a formula makes of the others.
const Composite = "scalingModifiers"

// modifiers are the object's, when it has a formula.
func modifiers(so *v1alpha1.ScaledObject) *v1alpha1.ScalingModifiers {
	if a := so.Spec.Advanced; a != nil && a.ScalingModifiers != nil && *a.ScalingModifiers != (v1alpha1.ScalingModifiers{}) {
		return a.ScalingModifiers
	}
	return nil
}

// compose adds the composite trigger of a formula: every trigger that is no cpu or memory becomes its input. cpu and memory
// stand beside it, as in KEDA.
func compose(so *v1alpha1.ScaledObject, p *scalers.Policy, wrong *mistakes) {
	m := modifiers(so)
	if m == nil {
		return
	}
	const path = "spec.advanced.scalingModifiers"
	composite := scalers.Trigger{Name: Composite}
	var names []string
	var inputs []int
	for i := range p.Triggers {
		t := &p.Triggers[i]
		checkFormulaName(fmt.Sprintf("spec.triggers[%d].name", i), so.Spec.Triggers[i].Name, wrong)
		if t.PerPod {
			continue
		}
		t.Input = true
		composite.Continuous = composite.Continuous || t.Continuous
		names, inputs = append(names, t.Name), append(inputs, i)
	}
	if len(inputs) == 0 {
		wrong.add(path+".formula", "has no trigger to look at", "cpu and memory are no part of a formula")
		return
	}
	composite.Target = modifierNumber(path+".target", m.Target, true, wrong)
	composite.Activation = modifierNumber(path+".activationTarget", m.ActivationTarget, false, wrong)
	switch m.MetricType {
	case "", "AverageValue":
	case "Value":
		composite.Metric = scalers.Value
	default:
		wrong.add(path+".metricType", fmt.Sprintf("%q does not go with a formula", m.MetricType), "AverageValue or Value")
	}
	program, err := formula.Compile(m.Formula, names)
	if err != nil {
		wrong.add(path+".formula", err.Error(), "")
		return
	}
	composite.Formula = over(program, inputs)
	p.Triggers = append(p.Triggers, composite)
}

// checkFormulaName sees to it that a formula can call a trigger.
func checkFormulaName(path, name string, wrong *mistakes) {
	switch name {
	case "":
		wrong.add(path, "is required with a formula", "the formula calls triggers by name")
	case Composite:
		wrong.add(path, fmt.Sprintf("%q is what the formula is called", Composite), "give it another name")
	}
}

// over runs a formula over the levels of some triggers.
func over(program *formula.Program, inputs []int) func([]scalers.Level) (scalers.Milli, error) {
	return func(levels []scalers.Level) (scalers.Milli, error) {
		values, numbers := make([]*float64, len(inputs)), make([]float64, len(inputs))
		for k, i := range inputs {
			if i < len(levels) && levels[i].Known {
				numbers[k] = float64(levels[i].Value) / 1000
				values[k] = &numbers[k]
			}
		}
		number, err := program.Run(values)
		if err != nil {
			return 0, err
		}
		return scalers.FromFloat(number)
	}
}

// modifierNumber reads one of the formula's numbers.
func modifierNumber(path, text string, required bool, wrong *mistakes) scalers.Milli {
	if text == "" {
		if required {
			wrong.add(path, "is required", "what one replica should have of the formula's number")
		}
		return 0
	}
	n, err := scalers.ParseMilli(text)
	switch {
	case err != nil:
		wrong.add(path, err.Error(), "")
	case required && n <= 0:
		wrong.add(path, text+" is not above 0", "")
	}
	return n
}
