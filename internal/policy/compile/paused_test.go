package compile_test

import (
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
)

func TestPaused(t *testing.T) {
	t.Run("a pause names its annotation and the held count", testPauseNamesItsAnnotationAndHeldCount)
	t.Run("a mistake that the shadow inherits is reported once", testMistakeThatShadowInheritsIsReportedOnce)
	t.Run("a dry run names its cause", testDryRunNamesItsCause)
}

// compileAnnotated compiles an object with annotations, and with a shadow without fields.
func compileAnnotated(annotations map[string]string) (*compile.Workload, []diag.Error) {
	kind := triggers.Define("counts", "Counts.", countConfig{Step: 2}, func(countConfig, triggers.Env) (triggers.Source, error) { return nil, nil }) // It is never opened.
	so := &v1alpha1.ScaledObject{Spec: v1alpha1.ScaledObjectSpec{
		ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: "web"}, Triggers: []v1alpha1.Trigger{{Type: "counts"}}, Shadow: &v1alpha1.Shadow{},
	}}
	so.Annotations = annotations
	compile.Default(so)
	return compile.Compile(so, []triggers.Kind{kind}, compile.DefaultSettings())
}

func testPauseNamesItsAnnotationAndHeldCount(t *testing.T) {
	const ours, kedas = "impulse.sh/", "autoscaling.keda.sh/"
	for want, annotations := range map[string]map[string]string{
		"": {ours + "paused": "false"},
		"Paused: the annotation autoscaling.keda.sh/paused keeps the count as it is":                                          {kedas + "paused": "true"},
		"PausedReplicas: the annotation impulse.sh/paused-replicas keeps the count at 3":                                      {ours + "paused": "true", ours + "paused-replicas": "3"},
		"PausedScaleIn: the annotation impulse.sh/paused-scale-in keeps the count from going down":                            {ours + "paused-scale-in": "true"},
		"PausedScaleOut: the annotation impulse.sh/paused-scale-out keeps the count from going up":                            {ours + "paused-scale-out": "true"},
		"Paused: the annotations impulse.sh/paused-scale-in and autoscaling.keda.sh/paused-scale-out keep the count as it is": {ours + "paused-scale-in": "true", kedas + "paused-scale-out": "true"},
	} {
		w, wrong := compileAnnotated(annotations)
		if len(wrong) > 0 {
			t.Fatal(wrong[0])
		}
		got := ""
		if reason, message := w.Pause(); reason != "" {
			got = reason + ": " + message
		}
		if got != want {
			t.Errorf("%v: %q, want %q", annotations, got, want)
		}
	}
}

func testMistakeThatShadowInheritsIsReportedOnce(t *testing.T) {
	if _, wrong := compileAnnotated(map[string]string{"impulse.sh/paused": "perhaps"}); len(wrong) != 1 {
		t.Errorf("%d mistakes, want one: %v", len(wrong), wrong)
	}
}

func testDryRunNamesItsCause(t *testing.T) {
	const not = ": counts are decided and reported, but not written"
	for want, c := range map[string]struct{ spec, all bool }{
		"spec.dryRun is true" + not: {spec: true}, "Impulse runs with --dry-run" + not: {all: true},
	} {
		kind := triggers.Define("counts", "Counts.", countConfig{Step: 2}, func(countConfig, triggers.Env) (triggers.Source, error) { return nil, nil }) // It is never opened.
		so := &v1alpha1.ScaledObject{Spec: v1alpha1.ScaledObjectSpec{
			ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: "web"}, Triggers: []v1alpha1.Trigger{{Type: "counts"}}, DryRun: c.spec,
		}}
		compile.Default(so)
		settings := compile.DefaultSettings()
		settings.DryRun = c.all
		w, wrong := compile.Compile(so, []triggers.Kind{kind}, settings)
		if len(wrong) > 0 {
			t.Fatal(wrong[0])
		}
		if got := w.DryRunMessage(); !w.DryRun || got != want {
			t.Errorf("a dry run: %t, %q, want %q", w.DryRun, got, want)
		}
	}
}
