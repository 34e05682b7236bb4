package explain_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/alertmanager"
)

func TestObstacle(t *testing.T) {
	t.Run("the first line names what prevents the write", testFirstLineNamesWhatPreventsWrite)
	t.Run("the first line names what else acts on the count", testFirstLineNamesWhatElseActsOnCount)
	t.Run("the first line of a recorded decision names its outcome", testFirstLineOfRecordedDecisionNamesItsOutcome)
	t.Run("without writes the wanted count starts from the current one", testWithoutWritesWantedCountStartsFromCurrentOne)
	t.Run("a waiting alert is foreseen at the instant at which it starts to count", testWaitingAlertIsForeseenAtInstantAtWhichItStartsToCount)
	t.Run("an annotation without an effect is noted", testAnnotationWithoutEffectIsNoted)
	t.Run("a pause outlasts the window that holds the count", testPauseOutlastsWindowThatHoldsCount)
	t.Run("the end of a pause is ahead", testEndOfPauseIsAhead)
	t.Run("a stale alert shows when it ends", testStaleAlertShowsWhenItEnds)
	t.Run("the history shows the counts that were not written", testHistoryShowsCountsThatWereNotWritten)
	t.Run("an unknown count is not explained", testUnknownCountIsNotExplained)
}

// condition returns a condition of a status.
func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// fourReplicas returns an object with four replicas, and its status. Its queue asks for one replica for each 100.
func fourReplicas(t *testing.T, level string, conditions ...metav1.Condition) (*compile.Workload, *v1alpha1.ScaledObjectStatus) {
	t.Helper()
	p := queue()
	p.Triggers = p.Triggers[:1]
	memory, err := scalers.Memory{}.Recommended(p, noon, 4).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	return &compile.Workload{Namespace: "shop", Name: "web", Policy: p, Triggers: []compile.Trigger{{Name: "queue"}}}, &v1alpha1.ScaledObjectStatus{
		Replicas: new(int32(4)), LastDecision: &v1alpha1.DecisionStatus{}, Memory: string(memory),
		Triggers: []v1alpha1.TriggerStatus{{Name: "queue", Value: level, Active: true}}, Conditions: conditions,
	}
}

// textOf returns the explanation of an object at noon, or a minute later if its decision is only recorded.
func textOf(t *testing.T, w *compile.Workload, s *v1alpha1.ScaledObjectStatus) string {
	t.Helper()
	now := noon.Time()
	if explain.Recorded(w) {
		now = now.Add(time.Minute)
	}
	e, err := explain.Object(w, s, now)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := e.Text(&out, "shop/web (Deployment/web)"); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// firstLineCase is an object with four replicas, and the expected first line of its explanation.
type firstLineCase struct {
	// level is the queue's, unless it is unknown or has not been read yet.
	level, lastError string
	unread           bool

	edit       func(*compile.Workload)
	conditions []metav1.Condition
	want       string
}

// check fails the test unless the explanation has the expected first line.
func (c *firstLineCase) check(t *testing.T) {
	t.Helper()
	w, s := fourReplicas(t, c.level, c.conditions...)
	if s.Triggers[0].LastError = c.lastError; c.unread {
		s.Triggers = nil
	}
	if c.edit != nil {
		c.edit(w)
	}
	if got := firstLine(textOf(t, w, s)); got != "At 2026-03-01 12:00:00Z shop/web (Deployment/web) "+c.want {
		t.Errorf("got the first line\n%s\nwant it to end with\n%s", got, c.want)
	}
}

func testFirstLineNamesWhatPreventsWrite(t *testing.T) {
	const ready, able, is = v1alpha1.ConditionReady, v1alpha1.ConditionAbleToScale, metav1.ConditionFalse
	const hpa = "HorizontalPodAutoscaler theirs scales the same target"
	for name, c := range map[string]firstLineCase{
		"a dry run": {
			level: "900", edit: func(w *compile.Workload) { w.DryRun = true },
			conditions: []metav1.Condition{condition(able, is, "DryRun", "dryRun is set")},
			want:       "would go from 4 to 9 replicas, and stays at 4: DryRun: spec.dryRun is true: counts are decided and reported, but not written.",
		},
		"a dry run of all objects": {
			level: "400", conditions: []metav1.Condition{condition(able, is, "DryRun", "impulse runs with --dry-run")},
			want: "keeps 4 replicas, and no other count would be written: DryRun: impulse runs with --dry-run.",
		},
		"an HPA": {
			level: "900", conditions: []metav1.Condition{condition(ready, is, "ForeignHPA", hpa), condition(able, is, "ForeignHPA", hpa)},
			want: "would go from 4 to 9 replicas, and stays at 4: ForeignHPA: " + hpa + ".",
		},
		"no permission": {
			level: "900", conditions: []metav1.Condition{condition(able, is, "Forbidden", "write the scale of Deployment/web: not allowed")},
			want: "would go from 4 to 9 replicas, and stays at 4: Forbidden: write the scale of Deployment/web: not allowed.",
		},
		"another object on the target": {
			level: "900", conditions: []metav1.Condition{condition(ready, is, "TargetInUse", "ScaledObject shop/old scales the same Deployment")},
			want: "would go from 4 to 9 replicas, and stays at 4: TargetInUse: ScaledObject shop/old scales the same Deployment.",
		},
		"a pause at a count, and a dry run": {
			level: "900", edit: func(w *compile.Workload) { w.DryRun, w.Policy.Paused = true, scalers.Paused{Fixed: true, At: 7} },
			want: "would go from 4 to 7 replicas, and stays at 4: DryRun: spec.dryRun is true: counts are decided and reported, but not written; " +
				"PausedReplicas: the annotation impulse.sh/paused-replicas keeps the count at 7.",
		},
		"no controller has processed it": {
			level: "900", edit: func(w *compile.Workload) { w.Generation = 2 },
			want: "would go from 4 to 9 replicas, and stays at 4: NotObserved: Impulse has not decided on this version of the object yet.",
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func testFirstLineNamesWhatElseActsOnCount(t *testing.T) {
	for name, c := range map[string]firstLineCase{
		"nothing": {level: "900", want: "goes from 4 to 9 replicas."},
		"a trigger that is unknown is part of the decision": {
			level: "900", conditions: []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "TriggerFailed", "rps: refused")},
			want: "goes from 4 to 9 replicas.",
		},
		"a trigger that is unknown and keeps the count": {
			lastError: "the answer is NaN", conditions: []metav1.Condition{condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "TriggerFailed", "queue: the answer is NaN")},
			want: "keeps 4 replicas: TriggerFailed: queue is unknown: the answer is NaN.",
		},
		"a trigger that has not been read yet": {
			unread: true, want: "keeps 4 replicas: WaitingForTriggers: queue has not been read yet.",
		},
		"another hand": {
			level: "900",
			conditions: []metav1.Condition{
				condition(v1alpha1.ConditionAbleToScale, metav1.ConditionTrue, "Contested", "somebody else keeps writing"),
			},
			want: "goes from 4 to 9 replicas: Contested: somebody else keeps writing.",
		},
		"a pause": {
			level: "900", edit: func(w *compile.Workload) { w.Policy.Paused.All = true },
			want: "keeps 4 replicas: Paused: the annotation impulse.sh/paused keeps the count as it is.",
		},
		"a pause with an end and a reason": {
			level: "900", edit: func(w *compile.Workload) { w.Policy.Paused = drain(time.Hour) },
			want: "keeps 4 replicas: Paused: the annotation impulse.sh/paused keeps the count as it is until 2026-03-01 13:00:00Z: node drain.",
		},
		"a pause that has ended": {
			level: "900", edit: func(w *compile.Workload) { w.Policy.Paused = drain(0) }, want: "goes from 4 to 9 replicas.",
		},
	} {
		t.Run(name, func(t *testing.T) { c.check(t) })
	}
}

func testFirstLineOfRecordedDecisionNamesItsOutcome(t *testing.T) {
	dryRun := condition(v1alpha1.ConditionAbleToScale, metav1.ConditionFalse, "DryRun", "dryRun is set")
	gone := condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "TargetNotFound", "there is no Deployment web in namespace shop")
	for want, c := range map[string]struct {
		targetCount *int32
		conditions  []metav1.Condition
	}{
		"went from 4 to 10 replicas, and has had 10 since.":                                              {targetCount: new(int32(10))},
		"was to go from 4 to 10 replicas, and has 6 now.":                                                {targetCount: new(int32(6))},
		"was to go from 4 to 10 replicas, and has 4 now: DryRun: dryRun is set.":                         {new(int32(4)), []metav1.Condition{dryRun}},
		"was to go from 4 to 10 replicas: TargetNotFound: there is no Deployment web in namespace shop.": {nil, []metav1.Condition{gone}},
	} {
		s := &v1alpha1.ScaledObjectStatus{
			Replicas: c.targetCount, Conditions: c.conditions, LastDecision: &v1alpha1.DecisionStatus{Time: metav1.NewMicroTime(noon.Time()), From: 4, To: 10},
		}
		got := firstLine(textOf(t, perPod(), s))
		if want := "1m ago, at 2026-03-01 12:00:00Z shop/web (Deployment/web) " + want + " What was read then:"; got != want {
			t.Errorf("got the first line\n%s\nwant\n%s", got, want)
		}
	}
}

// While nothing is written, every decision starts from the same count: its rate limit lets the same change through each time.
func testWithoutWritesWantedCountStartsFromCurrentOne(t *testing.T) {
	ahead := func(dryRun bool) []string {
		w, s := fourReplicas(t, "100")
		w.DryRun = dryRun
		e, err := explain.Object(w, s, noon.Time())
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, c := range e.Ahead {
			all = append(all, fmt.Sprintf("%s %d→%d", c.At.Format("15:04"), c.From, c.To))
		}
		return all
	}
	if got, want := ahead(false), []string{"12:05 4→2", "12:06 2→1"}; !slices.Equal(got, want) {
		t.Errorf("with writes the changes ahead are %v, want %v", got, want)
	}
	if got, want := ahead(true), []string{"12:05 4→2"}; !slices.Equal(got, want) {
		t.Errorf("without writes the changes ahead are %v, want %v", got, want)
	}
	w, s := fourReplicas(t, "100")
	w.DryRun = true
	if text := textOf(t, w, s); !strings.Contains(text, "\nWhat will be wanted, while every value stays as it is:\n") {
		t.Errorf("got the text\n%s\nwant that the count will be wanted, as nothing is written", text)
	}
}

// waitingAlert returns an object, and its status, with an alert that fires again and begins to count at an instant.
func waitingAlert(t *testing.T, begins time.Time) (*compile.Workload, *v1alpha1.ScaledObjectStatus) {
	t.Helper()
	w, s := fourReplicas(t, "0", condition(v1alpha1.ConditionSourceNotice, metav1.ConditionTrue, "AlertWaits", "hits: alert Slow fires again after its resolve"))
	w.Policy = alertPolicy()
	w.Triggers = []compile.Trigger{{Name: "hits", Config: alertmanager.Config{Replicas: 5, TTL: 3 * minute}}}
	memory, err := scalers.Memory{}.Recommended(w.Policy, noon, 1).MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	s.Memory, s.Replicas = string(memory), new(int32(1))
	s.Triggers = []v1alpha1.TriggerStatus{{Name: "hits", Value: "0", Pending: &v1alpha1.PendingLevel{At: metav1.NewMicroTime(begins), Value: "5"}}}
	return w, s
}

func testWaitingAlertIsForeseenAtInstantAtWhichItStartsToCount(t *testing.T) {
	w, s := waitingAlert(t, noon.Add(43*time.Second).Time())
	golden(t, "an alert that waits", textOf(t, w, s))
	e, err := explain.Object(w, s, noon.Time())
	if err != nil {
		t.Fatal(err)
	}
	if e.To != 1 || len(e.Ahead) == 0 || e.Ahead[0].To != 5 || !e.Ahead[0].At.Equal(noon.Add(43*time.Second).Time()) {
		t.Errorf("the count goes to %d, and then %+v; want 1, and 5 after 43 s", e.To, e.Ahead)
	}
	w, s = waitingAlert(t, noon.Add(-time.Millisecond).Time())
	if e, err = explain.Object(w, s, noon.Time()); err != nil {
		t.Fatal(err)
	}
	if e.To != 5 {
		t.Errorf("once the alert counts, the count goes to %d, want 5", e.To)
	}
}

func testAnnotationWithoutEffectIsNoted(t *testing.T) {
	w, s := fourReplicas(t, "100")
	w.UnknownAnnotations = "annotation impulse.sh/pause has no effect"
	if text := textOf(t, w, s); !strings.Contains(text, "\n  Note: annotation impulse.sh/pause has no effect.\n") {
		t.Errorf("got the text\n%s\nwant the note in it", text)
	}
}

func testPauseOutlastsWindowThatHoldsCount(t *testing.T) {
	for want, paused := range map[string]scalers.Paused{
		"queue, however low nothing: paused at 4\n":                   {All: true},
		"queue, however high nothing: paused at 4\n":                  {Fixed: true, At: 4},
		"queue, however low nothing: paused at 4 in this direction\n": {In: true},
	} {
		w, s := fourReplicas(t, "400")
		w.Policy.Paused = paused
		if text := regexp.MustCompile(" +").ReplaceAllString(textOf(t, w, s), " "); !strings.Contains(text, want) {
			t.Errorf("got the text\n%s\nwant in it %s", text, want)
		}
	}
}

// drain is a pause that began at noon, and lasts for some time.
func drain(length time.Duration) scalers.Paused {
	return scalers.Paused{All: true, Until: noon.Add(length), Reason: "node drain"}
}

func testEndOfPauseIsAhead(t *testing.T) {
	w, s := fourReplicas(t, "900")
	w.Policy.Paused = drain(time.Hour)
	const how = "paused at 4 until 2026-03-01 13:00:00Z: node drain"
	text := regexp.MustCompile(" +").ReplaceAllString(textOf(t, w, s), " ")
	for _, want := range []string{
		" paused at 4 instead of 9 until 2026-03-01 13:00:00Z: node drain\n", " 13:00:00Z in 1h 4 → 9 queue is 900",
		"queue, however high nothing: " + how + "\n", "queue, however low nothing: " + how + "\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("got the text\n%s\nwant in it %q", text, want)
		}
	}
	w.Policy.Paused = drain(0)
	if text := textOf(t, w, s); strings.Contains(text, "paused") {
		t.Errorf("after the end: got the text\n%s\nwant no pause in it", text)
	}
}

func testStaleAlertShowsWhenItEnds(t *testing.T) {
	w, s := waitingAlert(t, noon.Add(30*time.Second).Time())
	s.Replicas, s.Triggers[0].Value, s.Triggers[0].Active, s.Triggers[0].Pending.Value = new(int32(5)), "5", true, "0"
	e, err := explain.Object(w, s, noon.Time())
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Ahead) != 1 || e.Ahead[0].From != 5 || e.Ahead[0].To != 1 || e.Ahead[0].At.Before(noon.Add(30*time.Second).Time()) {
		t.Errorf("got the changes ahead %+v, want one to 1 when the alert is over", e.Ahead)
	}
	s.Conditions = []metav1.Condition{condition(v1alpha1.ConditionAlertStale, metav1.ConditionFalse, "TTLExpired", "hits: alert Slow was not repeated; is repeat_interval below the ttl?")}
	if text := textOf(t, w, s); !strings.Contains(text, "\n  Note: hits: alert Slow was not repeated; is repeat_interval below the ttl?\n") {
		t.Errorf("got the text\n%s\nwant the note on the expired ttl in it", text)
	}
}

func testHistoryShowsCountsThatWereNotWritten(t *testing.T) {
	var out strings.Builder
	past := []v1alpha1.PastDecision{{From: 2, To: 5, NotWritten: "ForeignHPA", Why: "rps asks for 5"}}
	if err := explain.History(&out, past); err != nil || !strings.Contains(out.String(), "not written: ForeignHPA; rps asks for 5") {
		t.Errorf("got the history\n%s%v\nwant in it that 5 was not written", out.String(), err)
	}
}

func testUnknownCountIsNotExplained(t *testing.T) {
	w, s := fourReplicas(t, "900", condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "TargetNotFound", "there is no Deployment web in namespace shop"))
	s.Replicas = nil
	const want = "explain shop/web: the count of its target is not known: TargetNotFound: there is no Deployment web in namespace shop"
	if _, err := explain.Object(w, s, noon.Time()); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
