package e2e

import (
	"context"
	"strings"
	"testing"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	t.Run("conditions can be waited for with kubectl", testConditionsCanBeWaitedForWithKubectl)
	t.Run("an alert in its late window is shown and foreseen", testAlertInItsLateWindowIsShownAndForeseen)
}

// waitFor waits for a condition with kubectl wait.
func (e *env) waitFor(name, condition string) {
	e.t.Helper()
	out, err := e.Kubectl(e.t.Context(), "", "wait", "--for=condition="+condition, "--timeout="+timeout.String(), "so/"+name)
	if err != nil {
		e.t.Fatalf("%v\n%s\n%s", err, out, e.Describe(e.t.Context(), name))
	}
}

// awaitExplanation waits until the explanation of an object contains some texts.
func (e *env) awaitExplanation(name string, want ...string) {
	e.t.Helper()
	var last string
	e.until("the explanation contains "+strings.Join(want, ", "), func(ctx context.Context) (bool, error) {
		last, _ = e.tool(ctx, "explain", name) // Without a decision explain fails, and prints the reason.
		for _, one := range want {
			if !strings.Contains(last, one) {
				return false, nil
			}
		}
		return true, nil
	}, func() string { return last })
}

func testConditionsCanBeWaitedForWithKubectl(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	e.Apply(onAlert("late"))
	e.run()
	e.waitFor("late", "Ready=false")
	e.condition("late", "Active", "False", "TargetNotFound")
	e.awaitExplanation("late", "TargetNotFound: ")
	e.waitFor("web", "Ready=true")

	if out, err := e.Kubectl(t.Context(), "", "annotate", "so", "web", "impulse.sh/paused=true"); err != nil {
		t.Fatal(err, out)
	}
	e.waitFor("web", "Paused=true") // It has the one replica that is wanted.
	out, err := e.Kubectl(t.Context(), "", "get", "so", "web", "--no-headers")
	if row := strings.Join(strings.Fields(out), " "); err != nil || !strings.Contains(row, " 1 1 True False True Paused ") {
		t.Errorf("%v: the row of a paused object is %s", err, row)
	}
	e.awaitExplanation("web", "keeps 1 replica: Paused: the annotation impulse.sh/paused keeps the count as it is.")
	if out, err := e.Kubectl(t.Context(), "", "annotate", "so", "web", "impulse.sh/paused-"); err != nil {
		t.Fatal(err, out)
	}
	e.waitFor("web", "Paused=false")

	e.ApplyDeployment("late", 1)
	e.waitFor("late", "Ready=true")
}

func testAlertInItsLateWindowIsShownAndForeseen(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("checkout", 1)
	e.Apply(strings.Replace(onAlert("checkout"), "replicas: 5", "replicas: 5, lateWindow: 10m", 1))
	i := e.run()
	e.condition("checkout", "Ready", "True", "Ready")
	for _, status := range []string{"firing", "resolved", "firing"} {
		e.webhook(i, "checkout", status)
	}
	e.condition("checkout", "SourceNotice", "True", "AlertWaits")
	e.awaitExplanation("checkout", "keeps 1 replica.", "Note: alertmanager: alert checkout fires again after its resolve: it counts from ", "1 → 5   alertmanager asks for 5")
}
