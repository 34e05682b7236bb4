package compile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

func TestPaused(t *testing.T) {
	t.Run("a pause names its annotation and the held count", testPauseNamesItsAnnotationAndHeldCount)
	t.Run("a pause has an end and a reason", testPauseHasEndAndReason)
	t.Run("a pause whose end cannot be read has none", testPauseWhoseEndCannotBeReadHasNone)
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
		if reason, message := w.Pause(noon); reason != "" {
			got = reason + ": " + message
		}
		if got != want {
			t.Errorf("%v: %q, want %q", annotations, got, want)
		}
	}
}

// noon is the instant at which the tests look at a pause.
var noon = scalers.InstantOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// pauseOf returns the condition of an object with annotations at noon.
func pauseOf(t *testing.T, annotations map[string]string) (w *compile.Workload, condition string) {
	t.Helper()
	w, wrong := compileAnnotated(annotations)
	if len(wrong) > 0 {
		t.Fatal(wrong[0])
	}
	reason, message := w.Pause(noon)
	return w, strings.TrimPrefix(reason+": "+message, ": ")
}

func testPauseHasEndAndReason(t *testing.T) {
	const ours, kedas, keeps = "impulse.sh/", "autoscaling.keda.sh/", "Paused: the annotation impulse.sh/paused keeps the count as it is"
	for name, c := range map[string]struct {
		annotations map[string]string
		want        string
	}{
		"both":                      {map[string]string{ours + "paused": "true", ours + "paused-until": "2026-03-01T14:00:00+01:00", ours + "paused-reason": " node drain "}, keeps + " until 2026-03-01 13:00:00Z: node drain"},
		"a reason":                  {map[string]string{ours + "paused": "true", ours + "paused-reason": "node drain"}, keeps + ": node drain"},
		"a reason of two lines":     {map[string]string{ours + "paused": "true", ours + "paused-reason": "a\nb\x1b[2J"}, keeps + `: a\nb\u001b[2J`},
		"KEDA's pause":              {map[string]string{kedas + "paused-replicas": "3", ours + "paused-until": "2026-03-01T13:00:00Z"}, "PausedReplicas: the annotation autoscaling.keda.sh/paused-replicas keeps the count at 3 until 2026-03-01 13:00:00Z"},
		"KEDA has no end":           {map[string]string{ours + "paused": "true", kedas + "paused-until": "2026-03-01T11:00:00Z"}, keeps},
		"the end is the first free": {map[string]string{ours + "paused": "true", ours + "paused-until": "2026-03-01T12:00:00Z"}, "the pause has ended: it applied until 2026-03-01 12:00:00Z"},
		"an end before 1970":        {map[string]string{ours + "paused": "true", ours + "paused-until": "1066-10-14T09:00:00Z"}, "the pause has ended: it applied until 1970-01-01 00:00:00.001Z"},
		"an end without a pause":    {map[string]string{ours + "paused": "false", ours + "paused-until": "2026-03-01T13:00:00Z"}, ""},
	} {
		if _, got := pauseOf(t, c.annotations); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	long := map[string]string{ours + "paused": "true", ours + "paused-reason": strings.Repeat("ä", 1000)}
	if w, _ := pauseOf(t, long); len(w.Policy.Paused.Reason) > compile.MaxPauseReason+len("…") || !strings.HasSuffix(w.Policy.Paused.Reason, "ä…") {
		t.Errorf("got a reason of %d bytes, want at most %d", len(w.Policy.Paused.Reason), compile.MaxPauseReason)
	}
}

func testPauseWhoseEndCannotBeReadHasNone(t *testing.T) {
	for until, suggestion := range map[string]string{
		"2026-03-01T13:00:00":  `did you mean "2026-03-01T13:00:00Z"?`,
		"2026-03-01 13:00":     `did you mean "2026-03-01T13:00:00Z"?`,
		"2h":                   "write the time at which it ends, or use impulse pause --for 2h",
		"tomorrow":             "write it as 2026-03-01T08:00:00Z",
		"":                     "write it as 2026-03-01T08:00:00Z",
		"9999-12-31T00:00:00Z": "leave it out",
	} {
		w, got := pauseOf(t, map[string]string{"impulse.sh/paused": "true", "impulse.sh/paused-until": until})
		if p := w.Policy.Paused; !p.All || p.Until != 0 || w.Shadow.Policy.Paused != p {
			t.Errorf("%s: got the pause %+v, want one without an end", until, p)
		}
		if !strings.HasPrefix(got, "Paused: the annotation impulse.sh/paused keeps the count as it is; impulse.sh/paused-until: ") || !strings.HasSuffix(got, ": the pause has no end") {
			t.Errorf("%s: got the condition %q, want one that says that the pause has no end", until, got)
		}
		if notice := w.UnknownAnnotations; !strings.HasPrefix(notice, "annotation impulse.sh/paused-until: ") || !strings.Contains(notice, "("+suggestion+")") {
			t.Errorf("%s: got the notice %q, want the suggestion %q in it", until, notice, suggestion)
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
