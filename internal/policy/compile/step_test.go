package compile_test

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestStep(t *testing.T) {
	t.Run("a trigger with a step compiles", testTriggerWithStepCompiles)
	t.Run("an invalid step is reported with its field", testInvalidStepIsReportedWithItsField)
}

// countConfig is the config of a kind whose level is a number of things, each of which adds this many replicas.
type countConfig struct {
	Step int32 `json:"step" doc:"How many."`
}

func (countConfig) Validate() error { return nil }

func (c countConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: 1000, Exact: true, Continuous: true, Increment: scalers.Increment{Amount: c.Step}}
}

// compileObject compiles an object with a trigger of that kind.
func compileObject(metricType string, advanced *v1alpha1.Advanced) (*compile.Workload, string) {
	kind := triggers.Define("counts", "Counts.", countConfig{Step: 2}, func(countConfig, triggers.Env) (triggers.Source, error) { return nil, nil }) // It is never opened.
	so := &v1alpha1.ScaledObject{Spec: v1alpha1.ScaledObjectSpec{
		ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: "web"}, Advanced: advanced,
		Triggers: []v1alpha1.Trigger{{Type: "counts", MetricType: metricType}},
	}}
	compile.Default(so)
	w, wrong := compile.Compile(so, []triggers.Kind{kind}, compile.DefaultSettings())
	var all []string
	for _, m := range wrong {
		all = append(all, m.Error())
	}
	return w, strings.Join(all, "\n")
}

func testTriggerWithStepCompiles(t *testing.T) {
	w, wrong := compileObject("", nil)
	if wrong != "" {
		t.Fatal(wrong)
	}
	if got := w.Policy.Triggers[0]; got.Increment != (scalers.Increment{Amount: 2}) || got.Name != "counts" {
		t.Errorf("%+v, want a step of 2", got)
	}
}

func testInvalidStepIsReportedWithItsField(t *testing.T) {
	if _, wrong := compileObject("Value", nil); wrong != "spec.triggers[0].metricType: cannot be Value with step: a step is a number of replicas (leave it out)" {
		t.Errorf("got %s", wrong)
	}
	_, wrong := compileObject("", &v1alpha1.Advanced{ScalingModifiers: &v1alpha1.ScalingModifiers{Formula: "counts * 2", Target: "1"}})
	if want := "spec.triggers[0].metadata.step: cannot be set: the trigger is an input of the formula, which gets its level and not its step"; !strings.HasPrefix(wrong, want) {
		t.Errorf("got %s", wrong)
	}
}
