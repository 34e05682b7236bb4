package alertlist

import (
	"maps"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

func TestState(t *testing.T) {
	t.Run("an alert is listed with its state for the trigger that selects it", testAlertIsListedWithItsStateForTriggerThatSelectsIt)
	t.Run("an object for which an alert counts differently has a row of its own", testObjectForWhichAlertCountsDifferentlyHasRowOfItsOwn)
}

// after returns the instant d after ten o'clock, as it is recorded.
func after(d time.Duration) *metav1.MicroTime {
	at := metav1.NewMicroTime(ten.Add(d))
	return &at
}

func testAlertIsListedWithItsStateForTriggerThatSelectsIt(t *testing.T) {
	web := compileObject(t, "shop", "web", "alertmanager", map[string]v1alpha1.Scalar{
		"matchers": "alertname=Slow", "replicas": "2", "ttl": "30s", "lateWindow": "20s", "absentMeansResolved": "true",
	})
	worker := compileObject(t, "shop", "worker", "push", map[string]v1alpha1.Scalar{"threshold": "1"})
	again := func(a *v1alpha1.AlertRecord) { // It fired again 10 s after its resolve, and once more a minute after it.
		a.Firing, a.EndsAt, a.ResolvedAt, a.LateFiring, a.LastSeen = false, after(0), after(0), after(10*time.Second), *after(time.Minute)
	}
	for name, c := range map[string]struct {
		alert v1alpha1.AlertRecord
		at    time.Duration
		want  string
	}{
		"repeated within its ttl":           {stored("shop/", withName("Slow"), nil), 29 * time.Second, "firing"},
		"not repeated within its ttl":       {stored("shop/", withName("Slow"), nil), 30 * time.Second, "stale"},
		"not repeated within twice its ttl": {stored("shop/", withName("Slow"), nil), time.Minute, "over (ttl)"},
		"absent from whole deliveries":      {stored("shop/", withName("Slow"), func(a *v1alpha1.AlertRecord) { a.AbsentSince = after(0) }), 20 * time.Second, "over (absence)"},
		"within its late window":            {stored("shop/", withName("Slow"), again), 15 * time.Second, "waits until 2026-03-02 10:00:20Z"},
		"repeated after its late window":    {stored("shop/", withName("Slow"), again), time.Minute, "firing"},
		"resolved":                          {stored("shop/", withName("Slow"), func(a *v1alpha1.AlertRecord) { a.Firing, a.EndsAt = false, after(0) }), 0, "resolved"},
		"selected by no object":             {stored("shop/", withName("Other"), nil), time.Minute, "firing"},
		"a level":                           {stored("shop//worker/push", nil, func(a *v1alpha1.AlertRecord) { a.Until = after(time.Minute) }), 0, "pushed"},
		"a level after its ttl":             {stored("shop//worker/push", nil, func(a *v1alpha1.AlertRecord) { a.Until = after(time.Minute) }), time.Minute, "over (ttl)"},
	} {
		all := List([]v1alpha1.AlertRecord{c.alert}, []*compile.Workload{web, worker}, Filter{Resolved: true}, ten.Add(c.at))
		if got := all[0].state().String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		var text strings.Builder
		if err := Text(&text, all, false); err != nil || !strings.Contains(text.String(), "   "+c.want+"   ") {
			t.Errorf("%s: %q is not in the table, %v:\n%s", name, c.want, err, text.String())
		}
	}
}

func testObjectForWhichAlertCountsDifferentlyHasRowOfItsOwn(t *testing.T) {
	withTTL := func(name, ttl string) *compile.Workload {
		return compileObject(t, "shop", name, "alertmanager", map[string]v1alpha1.Scalar{"matchers": "alertname=Slow", "replicas": "2", "ttl": v1alpha1.Scalar(ttl)})
	}
	objects := []*compile.Workload{withTTL("hasty", "30s"), withTTL("patient", "1h"), withTTL("quick", "50s")}
	objects[0].Shadow = withTTL("hasty", "2h") // It has no say beside the policy that scales.
	all := List([]v1alpha1.AlertRecord{stored("shop/", withName("Slow"), nil)}, objects, Filter{}, ten.Add(time.Minute))
	if want := map[string]string{"shop/hasty": "over (ttl)", "shop/quick": "stale"}; all[0].State != Firing || !maps.Equal(all[0].Otherwise, want) {
		t.Errorf("%s, otherwise %v, want %v", all[0].State, all[0].Otherwise, want)
	}
	var text strings.Builder
	if err := Text(&text, all, false); err != nil || !strings.Contains(text.String(), "shop/hasty: over (ttl), shop/patient, shop/quick: stale") {
		t.Errorf("Text() = %v and\n%s, want the state of each object for which the alert counts less", err, text.String())
	}
}
