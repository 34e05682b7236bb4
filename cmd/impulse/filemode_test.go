package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/app"
	"github.com/impulse-sh/impulse/internal/control/controller"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/scalers"
)

func TestFileMode(t *testing.T) {
	t.Run("an object of file mode is explained and has a history", testObjectOfFileModeIsExplainedAndHasHistory)
	t.Run("an object whose pause has no readable end is explained", testObjectWhosePauseHasNoReadableEndIsExplained)
	t.Run("an object outside file mode's folder is not explained", testObjectOutsideFileModesFolderIsNotExplained)
}

// office is an object of file mode.
const office = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: office, namespace: shop}\nspec:\n  scaleTargetRef: {name: office}\n" +
	"  minReplicaCount: 1\n  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: 3}}]\n"

// fileMode returns a folder with the object office, and a folder of states in which its status has three replicas.
func fileMode(t *testing.T) (config, states string) {
	t.Helper()
	config, states = t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "office.yaml"), []byte(office), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := controller.NewStates(filepath.Join(states, app.ObjectStates))
	if err != nil {
		t.Fatal(err)
	}
	memory, err := scalers.Memory{}.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	three := int32(3)
	at := metav1.NewMicroTime(time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	st := &v1alpha1.ScaledObjectStatus{
		Replicas: &three, DesiredReplicas: &three, Memory: string(memory),
		LastDecision: &v1alpha1.DecisionStatus{Time: at, From: 1, To: 3, Trigger: "cron"},
		Triggers:     []v1alpha1.TriggerStatus{{Name: "cron", Value: "3", Active: true}},
		History:      []v1alpha1.PastDecision{{Time: at, From: 1, To: 3, Trigger: "cron", Why: "cron asks for 3"}},
	}
	if err := kept.Save(t.Context(), status.Object{Namespace: "shop", Name: "office"}, st); err != nil {
		t.Fatal(err)
	}
	return config, states
}

func testObjectOfFileModeIsExplainedAndHasHistory(t *testing.T) {
	config, states := fileMode(t)
	args := []string{"shop/office", "--config", config, "--state-dir", states}
	if code, out, errs := impulse(t, "", append([]string{"explain"}, args...)...); code != 0 || errs != "" || !strings.Contains(out, "shop/office (Deployment/office)") {
		t.Errorf("explain: got exit code %d, want 0; output %s%s; want shop/office (Deployment/office)", code, out, errs)
	}
	if code, out, errs := impulse(t, "", append([]string{"history"}, args...)...); code != 0 || errs != "" || !strings.Contains(out, "1 → 3") {
		t.Errorf("history: got exit code %d, want 0; output %s%s; want 1 → 3", code, out, errs)
	}
	if code, out, errs := impulse(t, "", "history", "office", "-n", "shop", "--config", config, "--state-dir", states); code != 0 || !strings.Contains(out, "1 → 3") {
		t.Errorf("history -n: got exit code %d, want 0; output %s%s; want 1 → 3", code, out, errs)
	}
}

func testObjectWhosePauseHasNoReadableEndIsExplained(t *testing.T) {
	config, states := fileMode(t)
	endless := strings.Replace(office, "{name: office,", "{name: office, annotations: {impulse.sh/paused: 'true', impulse.sh/paused-until: 2h},", 1)
	if err := os.WriteFile(filepath.Join(config, "office.yaml"), []byte(endless), 0o600); err != nil {
		t.Fatal(err)
	}
	const note = "\n  Note: annotation impulse.sh/paused-until: \"2h\" is not a time: the pause has no end (write the time at which it ends, or use impulse pause --for 2h).\n"
	code, out, errs := impulse(t, "", "explain", "shop/office", "--config", config, "--state-dir", states)
	if code != 0 || !strings.Contains(out, note) || !strings.Contains(out, "Paused: the annotation impulse.sh/paused keeps the count as it is; ") {
		t.Errorf("got exit code %d, want 0; output\n%s%swant the pause and %s", code, out, errs, note)
	}
}

func testObjectOutsideFileModesFolderIsNotExplained(t *testing.T) {
	config, states := fileMode(t)
	for args, want := range map[string]string{
		"explain shop/offices":               `there is no ScaledObject "offices" in namespace "shop" in `,
		"explain office":                     `there is no ScaledObject "office" in namespace "default" in `,
		"explain shop/office --kubeconfig x": "--kubeconfig has no effect with --config",
	} {
		code, out, errs := impulse(t, "", append(strings.Fields(args), "--config", config, "--state-dir", states)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s%s, expected %q", args, code, out, errs, want)
		}
	}
	if code, _, errs := impulse(t, "", "history", "shop/office", "--config", config, "--state-dir", filepath.Join(states, "absent")); code != 2 || !strings.Contains(errs, "find the folder of states") {
		t.Errorf("a folder of states that is not there: got exit code %d, want 2; output %s; want find the folder of states", code, errs)
	}
	if code, _, errs := impulse(t, "", "history", "shop/office", "--state-dir", states); code != 2 || !strings.Contains(errs, "--state-dir has no effect without --config") {
		t.Errorf("states without files: got exit code %d, want 2; output %s; want --state-dir has no effect without --config", code, errs)
	}
	torn := filepath.Join(states, app.ObjectStates, "shop,office.json")
	if err := os.WriteFile(torn, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := impulse(t, "", "history", "shop/office", "--config", config, "--state-dir", states); code != 2 || !strings.Contains(errs, "read "+torn) {
		t.Errorf("a torn state: got exit code %d, want 2; output %s", code, errs)
	}
	if _, err := os.Stat(torn); err != nil {
		t.Errorf("reading a state that another process keeps has moved it: %v", err)
	}
	if err := os.WriteFile(filepath.Join(config, "office.yaml"), []byte(office+"  minReplicas: 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errs := impulse(t, "", "explain", "shop/office", "--config", config, "--state-dir", states)
	if code != 2 || !strings.Contains(errs, "; these files have mistakes, and their last good versions stay in effect:\n") || !strings.Contains(errs, "spec.minReplicas: unknown field") {
		t.Errorf("a file with a mistake: got exit code %d, want 2; output %s; want that last good versions stay in effect, and spec.minReplicas: unknown field", code, errs)
	}
}
