package compile

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/formula"
	"github.com/impulse-sh/impulse/scalers"
)

// Composite is the name of the trigger whose level is computed by the formula.
const Composite = "scalingModifiers"

// compileModifiers combines all triggers but those that measure single pods (cpu, memory, kubernetes-pods) into one, whose level the formula
// computes. As in KEDA, cpu and memory stay separate. The triggers must be compiled.
func compileModifiers(spec *v1alpha1.ScaledObjectSpec, p *scalers.Policy, errs *errorList) {
	if spec.Advanced == nil || spec.Advanced.ScalingModifiers == nil {
		return
	}
	m, path := spec.Advanced.ScalingModifiers, "spec.advanced.scalingModifiers"
	t := scalers.Trigger{Name: Composite}
	var names, perPod []string
	var inputs []int
	for i := range p.Triggers {
		input := &p.Triggers[i]
		if input.Name == Composite {
			errs.add(fmt.Sprintf("spec.triggers[%d].name", i), fmt.Sprintf("%q is the formula's own name", Composite), "choose another")
		}
		if input.PerPod {
			perPod = append(perPod, input.Name)
			continue
		}
		if input.Cap || input.Min != 0 || input.Max != 0 {
			errs.add(fmt.Sprintf("spec.triggers[%d]", i), "has bounds of its own and is an input of the formula", "write the bounds into the formula: max(a, 3)")
		}
		if input.Increment.Amount != 0 {
			errs.add(fmt.Sprintf("spec.triggers[%d].metadata.step", i), "cannot be set: the trigger is an input of the formula, which gets its level and not its step", "write the step into the formula: b + 2 * a")
		}
		input.Input, t.Continuous = true, t.Continuous || input.Continuous
		names, inputs = append(names, input.Name), append(inputs, i)
	}
	if len(inputs) == 0 {
		errs.add(path, "has no input: cpu, memory and kubernetes-pods are not part of a formula", "")
		return
	}
	before := len(*errs)
	t.Target = quantity(path+".target", m.Target, errs)
	if t.Target <= 0 && len(*errs) == before {
		errs.add(path+".target", fmt.Sprintf("%q is not above 0", m.Target), "it is the level that one replica is meant to have")
	}
	t.Activation = quantity(path+".activationTarget", m.ActivationTarget, errs)
	switch m.MetricType {
	case "", "AverageValue":
	case "Value":
		t.Metric = scalers.Value
	default:
		errs.add(path+".metricType", fmt.Sprintf("%q does not go with a formula", m.MetricType), "AverageValue or Value")
	}
	program, err := formula.Compile(m.Formula, names, perPod)
	if err != nil {
		errs.add(path+".formula", err.Error(), "")
		return
	}
	t.Formula = evaluator(program, inputs)
	p.Triggers = append(p.Triggers, t)
}

// evaluator returns a function that evaluates a formula on the levels of its inputs.
func evaluator(program *formula.Program, inputs []int) func([]scalers.Level) (scalers.Milli, error) {
	return func(levels []scalers.Level) (scalers.Milli, error) {
		values := make([]*float64, len(inputs))
		for k, i := range inputs {
			if i < len(levels) && levels[i].Known {
				values[k] = new(float64(levels[i].Value) / 1000)
			}
		}
		number, err := program.Run(values)
		if err != nil {
			return 0, err
		}
		return scalers.FromFloat(number)
	}
}

// quantity parses a number; "" is 0.
func quantity(field, text string, errs *errorList) scalers.Milli {
	if text == "" {
		return 0
	}
	value, err := scalers.ParseExact(text)
	if err != nil {
		errs.add(field, err.Error(), "")
	}
	return value
}
