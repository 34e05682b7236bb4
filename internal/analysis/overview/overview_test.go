package overview_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/overview"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

func TestOverview(t *testing.T) {
	t.Run("a row shows the counts and what holds them", testRowShowsCountsAndWhatHoldsThem)
	t.Run("the most urgent object is first", testMostUrgentObjectIsFirst)
	t.Run("only what a row shows is a change", testOnlyWhatRowShowsIsChange)
	t.Run("text from outside cannot forge a row", testTextFromOutsideCannotForgeRow)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// object returns an object with two triggers that was created an hour before noon, after an edit.
func object(name string, edit ...func(*v1alpha1.ScaledObject)) *v1alpha1.ScaledObject {
	so := &v1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Generation: 1, CreationTimestamp: metav1.NewTime(noon.Add(-time.Hour))},
		Spec: v1alpha1.ScaledObjectSpec{
			ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: name}, MaxReplicaCount: new(int32(9)), Triggers: []v1alpha1.Trigger{{Type: "cron"}, {Type: "cron"}},
		},
		Status: v1alpha1.ScaledObjectStatus{
			ObservedGeneration: 1, Replicas: new(int32(3)), DesiredReplicas: new(int32(3)), Reason: "AsRecommended", Targets: "132/100, 3/10",
			Conditions: []metav1.Condition{
				{Type: "Ready", Status: "True", Reason: "Ready"},
				{Type: "Active", Status: "True"},
				{Type: "AbleToScale", Status: "True"},
				{Type: "ScalingLimited", Status: "False"},
			},
			Triggers:     []v1alpha1.TriggerStatus{{Name: "rps"}, {Name: "queue"}},
			LastDecision: &v1alpha1.DecisionStatus{Trigger: "rps", Next: new(metav1.NewMicroTime(noon.Add(5 * time.Minute)))},
		},
	}
	for _, e := range edit {
		e(so)
	}
	compile.Default(so)
	return so
}

// with returns an edit that sets the reason and a condition of the status.
func with(reason, kind, status, conditionReason string) func(*v1alpha1.ScaledObject) {
	return func(so *v1alpha1.ScaledObject) {
		so.Status.Reason = reason
		for i := range so.Status.Conditions {
			if c := &so.Status.Conditions[i]; c.Type == kind {
				c.Status, c.Reason = metav1.ConditionStatus(status), conditionReason
			}
		}
	}
}

var (
	fails = func(so *v1alpha1.ScaledObject) {
		with("TriggerFailed", "Ready", "False", "TriggerFailed")(so)
		so.Status.Triggers[1].LastError = "refused"
		with("TriggerFailed", "Active", "Unknown", "TriggerUnknown")(so)
	}
	paused = func(so *v1alpha1.ScaledObject) {
		so.Annotations = map[string]string{"impulse.sh/paused": "true", "impulse.sh/paused-until": "2026-03-01T13:00:00Z", "impulse.sh/paused-reason": "drain"}
		so.Status.Reason = "Paused"
	}
	fresh    = func(so *v1alpha1.ScaledObject) { so.Status = v1alpha1.ScaledObjectStatus{} }
	atMax    = with("MaxReplicaCount", "ScalingLimited", "True", "MaxReplicaCount")
	dryRun   = with("DryRun", "AbleToScale", "False", "DryRun")
	changing = func(so *v1alpha1.ScaledObject) { so.Status.DesiredReplicas = new(int32(7)) }
)

// rows returns the rows of objects at noon.
func rows(all ...*v1alpha1.ScaledObject) []overview.Row {
	rows := make([]overview.Row, len(all))
	for i, so := range all {
		rows[i] = overview.Of(so, noon)
	}
	return rows
}

// text writes rows as a table.
func text(t *testing.T, table *overview.Table, rows []overview.Row) string {
	t.Helper()
	var out strings.Builder
	if err := table.Write(&out, rows, noon); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func testRowShowsCountsAndWhatHoldsThem(t *testing.T) {
	all := rows(object("web"), object("api", fails), object("batch", paused), object("new", fresh), object("old", func(so *v1alpha1.ScaledObject) { so.Generation = 2 }))
	overview.ByName(all)
	const want = `NAME    TARGET             CURRENT   DESIRED   MIN   MAX   HELD BY         TRIGGERS               AGE
api     Deployment/api     3         3         0     9     TriggerFailed   unknown, 1/2 failing   60m
batch   Deployment/batch   3         3         0     9     Paused          active                 60m
new     Deployment/new     -         -         0     9     NotObserved     -                      60m
old     Deployment/old     3         3         0     9     NotObserved     active                 60m
web     Deployment/web     3         3         0     9     -               active                 60m
`
	if got := text(t, &overview.Table{}, all); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	const wide = `NAMESPACE   NAME    TARGET             CURRENT   DESIRED   MIN   MAX   HELD BY   TRIGGERS   AGE   WINNER   LEVELS          NEXT    PAUSED UNTIL           PAUSE REASON
shop        batch   Deployment/batch   3         3         0     9     Paused    active     60m   rps      132/100, 3/10   in 5m   2026-03-01T13:00:00Z   drain
`
	if got := text(t, &overview.Table{Namespaces: true, Wide: true}, rows(object("batch", paused))); got != wide {
		t.Errorf("got\n%swant\n%s", got, wide)
	}
	if ended := overview.Of(object("batch", paused), noon.Add(time.Hour)); ended.Pause.All || !ended.Next.IsZero() {
		t.Errorf("an hour later: got the pause %+v and the next decision at %s, want neither", ended.Pause, ended.Next)
	}
}

func testMostUrgentObjectIsFirst(t *testing.T) {
	all := rows(object("steady"), object("changing", changing), object("dry-run", dryRun), object("at-max", atMax), object("paused", paused), object("b-failing", fails),
		object("a-contested", with("Contested", "AbleToScale", "True", "Contested")))
	overview.ByUrgency(all)
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	if got, want := strings.Join(names, " "), "a-contested b-failing at-max dry-run paused changing steady"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func testOnlyWhatRowShowsIsChange(t *testing.T) {
	before, table := overview.Of(object("web"), noon), &overview.Table{}
	later := overview.Of(object("web", func(so *v1alpha1.ScaledObject) { so.Status.LastDecision.Next = nil }), noon.Add(time.Hour))
	if table.Changed(&before, &later) {
		t.Error("an hour later: got a change, want none")
	}
	if after := overview.Of(object("web", changing), noon); !table.Changed(&before, &after) {
		t.Error("with another desired count: got no change, want one")
	}
}

func testTextFromOutsideCannotForgeRow(t *testing.T) {
	got := text(t, &overview.Table{Wide: true}, rows(object("web", func(so *v1alpha1.ScaledObject) {
		so.Status.Targets, so.Status.LastDecision.Trigger = "1\nforged\x1b[2J", strings.Repeat("x", 500)
		so.Status.Reference = "Deployment/\u202eweb"
	})))
	if strings.Count(got, "\n") != 2 || strings.ContainsAny(got, "\x1b\u202e") || len(got) > 1500 {
		t.Errorf("got\n%q", got)
	}
}
