package e2e

import (
	"context"
	"strings"
	"testing"
)

// waitFor waits for a condition as people do.
func (w *world) waitFor(name, condition string) {
	w.t.Helper()
	out, err := w.kubectl(w.t.Context(), "", "wait", "--for=condition="+condition, "--timeout="+patience.String(), "so/"+name)
	if err != nil {
		w.t.Fatalf("%v\n%s\n%s", err, out, w.describe(w.t.Context(), name))
	}
}

// explains waits until the explanation of an object says something.
func (w *world) explains(name string, want ...string) {
	w.t.Helper()
	var last string
	w.until("the explanation says "+strings.Join(want, ", "), func(ctx context.Context) (bool, error) {
		last, _ = w.tool(ctx, "explain", name) // One that is not decided on is an error, and says why.
		for _, one := range want {
			if !strings.Contains(last, one) {
				return false, nil
			}
		}
		return true, nil
	}, func() string { return last })
}

func TestConditionsComeAsPeopleWaitForThem(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 1)
	w.apply(onAlert("web"))
	w.apply(onAlert("late"))
	w.run()
	w.waitFor("late", "Ready=false")
	w.condition("late", "Active", "False", "TargetNotFound")
	w.explains("late", "TargetNotFound: ")
	w.waitFor("web", "Ready=true")

	if out, err := w.kubectl(t.Context(), "", "annotate", "so", "web", "impulse.sh/paused=true"); err != nil {
		t.Fatal(err, out)
	}
	w.waitFor("web", "Paused=true") // It has the one replica that is wanted.
	out, err := w.kubectl(t.Context(), "", "get", "so", "web", "--no-headers")
	if row := strings.Join(strings.Fields(out), " "); err != nil || !strings.Contains(row, " 1 1 True False True Paused ") {
		t.Errorf("%v: the row of a paused object is %s", err, row)
	}
	w.explains("web", "keeps 1 replica: Paused: the annotation impulse.sh/paused keeps the count as it is.")
	if out, err := w.kubectl(t.Context(), "", "annotate", "so", "web", "impulse.sh/paused-"); err != nil {
		t.Fatal(err, out)
	}
	w.waitFor("web", "Paused=false")

	w.deployment("late", 1)
	w.waitFor("late", "Ready=true")
}

func TestAnAlertThatWaitsInItsStaleWindowIsShownAndForeseen(t *testing.T) {
	w := newWorld(t)
	w.deployment("checkout", 1)
	w.apply(onAlert("checkout"))
	i := w.run()
	w.condition("checkout", "Ready", "True", "Ready")
	for _, status := range []string{"firing", "resolved", "firing"} {
		w.webhook(i, "checkout", status)
	}
	w.condition("checkout", "SourceNotice", "True", "AlertWaits")
	w.explains("checkout", "keeps 1 replica.", "Note: alertmanager: alert checkout fires again after its resolve: it counts from ", "1 → 5   alertmanager asks for 5")
}
