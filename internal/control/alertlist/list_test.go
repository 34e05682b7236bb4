package alertlist

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestList(t *testing.T) {
	t.Run("alerts are listed with their state and the objects that select them", testAlertsAreListedWithTheirStateAndObjectsThatSelectThem)
	t.Run("text of senders takes one line each in a table", testTextOfSendersTakesOneLineEachInTable)
	t.Run("an invalid matcher is explained", testInvalidMatcherIsExplained)
	t.Run("an unselected alert of another namespace is found", testUnselectedAlertOfAnotherNamespaceIsFound)
	t.Run("the record is used only where no alert counts", testRecordIsUsedOnlyWhereNoAlertCounts)
}

var ten = metav1.NewMicroTime(time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC))

// stored returns the record of a firing alert, changed by change.
func stored(endpoint string, labels map[string]string, change func(*v1alpha1.AlertRecord)) v1alpha1.AlertRecord {
	a := v1alpha1.AlertRecord{Endpoint: endpoint, Labels: labels, Firing: true, StartsAt: ten, LastSeen: ten}
	if change != nil {
		change(&a)
	}
	return a
}

// withName returns the labels of an alert with a name.
func withName(name string) map[string]string { return map[string]string{"alertname": name} }

// compileObject compiles an object of a namespace with one trigger.
func compileObject(t *testing.T, namespace, name, kind string, metadata map[string]v1alpha1.Scalar) *compile.Workload {
	t.Helper()
	so := &v1alpha1.ScaledObject{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1alpha1.ScaledObjectSpec{
			ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: name}, Triggers: []v1alpha1.Trigger{{Type: kind, Metadata: metadata}},
		},
	}
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if w == nil {
		t.Fatal(mistakes[0])
	}
	return w
}

func testAlertsAreListedWithTheirStateAndObjectsThatSelectThem(t *testing.T) {
	later := metav1.NewMicroTime(ten.Add(time.Hour))
	record := []v1alpha1.AlertRecord{
		stored("shop/", withName("Slow"), nil),
		stored("shop/grafana", withName("Slow"), func(a *v1alpha1.AlertRecord) { a.Firing, a.LateFiring, a.EndsAt = false, &later, &later }),
		stored("shop/", withName("Over"), func(a *v1alpha1.AlertRecord) { a.Firing, a.EndsAt = false, &later }),
		stored("shop//web/push", nil, func(a *v1alpha1.AlertRecord) { a.Level = store.NewLevel("", 42_500) }),
		stored("bank/", withName("Slow"), nil),
		stored("/", withName("Slow"), nil),
	}
	objects := []*compile.Workload{
		compileObject(t, "shop", "web", "push", map[string]v1alpha1.Scalar{"threshold": "1"}),
		compileObject(t, "shop", "api", "alertmanager", map[string]v1alpha1.Scalar{"matchers": `{alertname="Slow"}`, "replicas": "2"}),
		compileObject(t, "shop", "all", "alertmanager", map[string]v1alpha1.Scalar{"matchers": `{alertname="Slow"}`, "replicas": "2", "scope": "cluster"}),
	}
	listed := func(f Filter) (lines []string) {
		for _, a := range List(record, objects, f, ten.Add(30*time.Minute)) {
			lines = append(lines, strings.Join([]string{a.Namespace, a.Name(), a.State, strings.Join(a.SelectedBy, ",")}, " "))
		}
		return lines
	}
	all := []string{
		"* Slow firing shop/all", "bank Slow firing ", "shop Over resolved ", "shop Slow firing shop/api", "shop Slow waits shop/api",
		"shop web/push pushed shop/web",
	}
	if got := listed(Filter{Resolved: true}); !slices.Equal(got, all) {
		t.Errorf("all are %q, want %q", got, all)
	}
	slow, err := Matching([]string{`alertname=~"S.*"`, "key=\"\""})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := listed(Filter{Namespace: "shop", Match: slow}), all[3:5]; !slices.Equal(got, want) {
		t.Errorf("those of the matchers are %q, want %q", got, want)
	}
	if got := List(nil, nil, Filter{}, ten.Time); got == nil || len(got) != 0 {
		t.Errorf("of nothing: %v, and an empty list was expected", got)
	}
}

func testTextOfSendersTakesOneLineEachInTable(t *testing.T) {
	all := List([]v1alpha1.AlertRecord{
		stored("shop/grafana", map[string]string{"alertname": "Slow\x1b[31m\nshop", "pod": "a\tb"}, nil), stored("shop/", map[string]string{"team": "a"}, nil),
	}, nil, Filter{}, ten.Time)
	var narrow, wide strings.Builder
	if err := Text(&narrow, all, false); err != nil {
		t.Fatal(err)
	}
	const want = `NAMESPACE   ALERT                      STATE    SINCE                  SELECTED BY
shop        -                          firing   2026-03-02 10:00:00Z   -
shop        "Slow\x1b[31m\nshop"       firing   2026-03-02 10:00:00Z   -
`
	if oneSpace(narrow.String()) != oneSpace(want) {
		t.Errorf("the table is\n%s, want\n%s", narrow.String(), want)
	}
	if err := Text(&wide, all, true); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"LAST RECORDED", "grafana", `{alertname="Slow\x1b[31m\nshop", pod="a\tb"}`, `{team="a"}`} {
		if !strings.Contains(wide.String(), part) {
			t.Errorf("the wide table is\n%s, want %q in it", wide.String(), part)
		}
	}
	if strings.ContainsRune(narrow.String()+wide.String(), 0x1b) || strings.Count(wide.String(), "\n") != 3 {
		t.Errorf("the tables are\n%s%s, want the texts of senders quoted and in one line each", narrow.String(), wide.String())
	}
}

// oneSpace replaces each run of spaces by one, line by line.
func oneSpace(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func testInvalidMatcherIsExplained(t *testing.T) {
	if _, err := Matching([]string{"severity="}); err == nil || !strings.Contains(err.Error(), `matcher "severity=": `) || !strings.Contains(err.Error(), "expected NAME=VALUE") {
		t.Error(err)
	}
	if match, err := Matching(nil); match != nil || err != nil {
		t.Errorf("none: %v", err)
	}
}

func testUnselectedAlertOfAnotherNamespaceIsFound(t *testing.T) {
	slow := map[string]v1alpha1.Scalar{"matchers": `{alertname="Slow"}`, "replicas": "2"}
	web, cron := compileObject(t, "shop", "web", "alertmanager", slow), compileObject(t, "shop", "cron", "push", map[string]v1alpha1.Scalar{"threshold": "1"})
	bank := compileObject(t, "bank", "api", "alertmanager", slow)
	over := func(a *v1alpha1.AlertRecord) { a.Firing = false }
	for name, c := range map[string]struct {
		record  []v1alpha1.AlertRecord
		objects []*compile.Workload
		of      *compile.Workload
		want    string
	}{
		"in another namespace":         {[]v1alpha1.AlertRecord{stored("onkall/", withName("Slow"), nil)}, []*compile.Workload{web, bank}, web, "onkall"},
		"of the whole cluster":         {[]v1alpha1.AlertRecord{stored("/", withName("Slow"), nil)}, []*compile.Workload{web}, web, ClusterWide},
		"it is selected there":         {[]v1alpha1.AlertRecord{stored("bank/", withName("Slow"), nil)}, []*compile.Workload{web, bank}, web, ""},
		"of other labels":              {[]v1alpha1.AlertRecord{stored("onkall/", withName("Fast"), nil)}, []*compile.Workload{web}, web, ""},
		"it is over":                   {[]v1alpha1.AlertRecord{stored("onkall/", withName("Slow"), over)}, []*compile.Workload{web}, web, ""},
		"one of its own fires as well": {[]v1alpha1.AlertRecord{stored("onkall/", withName("Slow"), nil), stored("shop/", withName("Slow"), nil)}, []*compile.Workload{web}, web, ""},
		"it selects no alerts":         {[]v1alpha1.AlertRecord{stored("onkall/", withName("Slow"), nil)}, []*compile.Workload{cron}, cron, ""},
	} {
		if a, ok := Elsewhere(c.record, c.objects, c.of); a.Namespace != c.want || ok != (c.want != "") {
			t.Errorf("%s: found %+v, %t, want one of %q", name, a, ok, c.want)
		}
	}
}

func testRecordIsUsedOnlyWhereNoAlertCounts(t *testing.T) {
	web := compileObject(t, "shop", "web", "alertmanager", map[string]v1alpha1.Scalar{"matchers": `{alertname="Slow"}`, "replicas": "2"})
	push := compileObject(t, "shop", "push", "push", map[string]v1alpha1.Scalar{"threshold": "1"})
	active := &v1alpha1.ScaledObjectStatus{Triggers: []v1alpha1.TriggerStatus{{Active: true}}}
	idle := &v1alpha1.ScaledObjectStatus{Triggers: []v1alpha1.TriggerStatus{{}}}
	if Awaits(web, active) || !Awaits(web, idle) || !Awaits(web, &v1alpha1.ScaledObjectStatus{}) || Awaits(push, idle) {
		t.Error("Awaits is wrong, want it true only while no alert counts for a trigger that selects alerts")
	}
}
