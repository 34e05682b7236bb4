package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	t.Run("a count is explained and has a history", testCountIsExplainedAndHasHistory)
}

// tool runs a command of impulse in the test's namespace.
func (e *env) tool(ctx context.Context, args ...string) (string, error) {
	e.t.Helper()
	return process.Run(ctx, e.command, append(args, "--kubeconfig", e.Kubeconfig, "-n", e.Namespace)...)
}

func testCountIsExplainedAndHasHistory(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("checkout", 1)
	e.Apply(onAlert("checkout"))
	am := e.alertmanager(e.run())
	e.condition("checkout", "Ready", "True", "Ready")
	e.alert(am, "checkout", "page", true)
	e.AwaitReplicas("checkout", 5)
	e.condition("checkout", "Active", "True", "TriggerActive")

	var last string
	e.until("the status has the decision", func(ctx context.Context) (bool, error) {
		out, err := e.tool(ctx, "explain", "checkout")
		last = out
		return err == nil && strings.Contains(out, "(Deployment/checkout) keeps 5 replicas.") &&
			strings.Contains(out, "alertmanager   5 replicas") && strings.Contains(out, "alertmanager: no alert fires any longer"), nil
	}, func() string { return last })

	out, err := e.tool(t.Context(), "history", "checkout", "-o", "json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var past []v1alpha1.PastDecision
	if err := json.Unmarshal([]byte(out), &past); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(past) == 0 || past[0].To != 5 || past[0].Why != "alertmanager asks for 5" {
		t.Errorf("the newest decision is %+v", past)
	}

	if out, err := e.tool(t.Context(), "explain", "chekout"); err == nil || !strings.Contains(out, `there is no ScaledObject "chekout" in namespace`) {
		t.Errorf("a missing object: %v\n%s", err, out)
	}
}
