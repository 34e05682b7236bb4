package explain_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

func TestExplain(t *testing.T) {
	t.Run("an explanation reads as documented", testExplanationReadsAsDocumented)
	t.Run("a hold counts from now, however old the status is", testHoldCountsFromNowHoweverOldStatusIs)
	t.Run("the listed changes do change the answer", testListedChangesDoChangeAnswer)
	t.Run("the edges of a schedule are foreseen", testEdgesOfScheduleAreForeseen)
	t.Run("levels are written with the fewest digits", testLevelsAreWrittenWithFewestDigits)
	t.Run("explaining changes nothing", testExplainingChangesNothing)
	t.Run("the reason for no decision comes from the status", testReasonForNoDecisionComesFromStatus)
}

var rewrite = flag.Bool("rewrite", false, "write the present output to testdata")

const minute = time.Minute

// noon is the instant of all explanations.
var noon = scalers.InstantOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

// queue returns the policy of an object with a queue and a schedule.
func queue() *scalers.Policy {
	return &scalers.Policy{
		Min: 1, Max: 10, Idle: scalers.NoIdle, Cooldown: 5 * minute,
		Up:   scalers.Behavior{Tolerance: 100_000},
		Down: scalers.Behavior{Tolerance: 100_000, Window: 5 * minute, Policies: []scalers.RatePolicy{{Amount: 2, Period: minute}}},
		Triggers: []scalers.Trigger{
			{Name: "queue", Target: 100_000, StaleAfter: 90 * time.Second},
			{Name: "office", Target: 1000, Exact: true, Continuous: true},
		},
	}
}

// input returns an input with eight running replicas. Eight were recommended three minutes ago.
func input(p *scalers.Policy, level scalers.Milli) scalers.Input {
	var m scalers.Memory
	return scalers.Input{
		Now: noon, Current: 8, Memory: m.Recommended(p, noon.Add(-3*minute), 8),
		Events: []scalers.Event{
			{Trigger: "queue", At: noon, Value: level, Current: 8, Ready: 8},
			{Trigger: "office", At: noon.Add(-60 * minute), Value: 2000, Current: 8, Ready: 8},
		},
	}
}

func testExplanationReadsAsDocumented(t *testing.T) {
	unknown := input(queue(), 0)
	unknown.Events[0] = scalers.Event{Trigger: "queue", At: noon, Err: errors.New("connection refused"), Current: 8}
	for name, in := range map[string]scalers.Input{
		"held by the window": input(queue(), 480_000), "within tolerance": input(queue(), 860_000), "above the maximum": input(queue(), 2_000_000),
		"unknown": unknown, "as proposed": input(queue(), 800_000),
	} {
		t.Run(name, func(t *testing.T) {
			compareExplanation(t, name, explain.Explain(queue(), in, nil, nil))
		})
	}
}

// A status is written when the outcome changes: the queue has been read ever since, and was as deep.
func testHoldCountsFromNowHoweverOldStatusIs(t *testing.T) {
	p := queue()
	p.Triggers, p.Down.Policies = p.Triggers[:1], nil
	p.Triggers[0].StaleAfter = 0
	then := noon.Add(-60 * minute)
	d := scalers.Decide(p, scalers.Input{Now: then, Current: 8, Events: []scalers.Event{{At: then, Value: 800_000, Current: 8}}})
	in := inputFromStatus(t, p, 8, d.Memory, v1alpha1.TriggerStatus{Name: "queue", Value: "800"})
	in.Events[0].Value = 100_000
	if d := explain.Explain(p, in, nil, nil); d.To != 8 || d.Next == nil || !d.Next.Equal(noon.Add(5*minute).Time()) {
		t.Errorf("the explanation has the count %d until %v, want 8 until the end of the whole window from now on", d.To, d.Next)
	}
}

// inputFromStatus returns the input at noon that follows from the status of an object with one trigger.
func inputFromStatus(t *testing.T, p *scalers.Policy, count int32, memory scalers.Memory, trigger v1alpha1.TriggerStatus) scalers.Input {
	t.Helper()
	text, err := memory.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	in, err := explain.InputOf(&compile.Workload{Policy: p, Triggers: []compile.Trigger{{Name: trigger.Name}}}, &v1alpha1.ScaledObjectStatus{
		Replicas: &count, LastDecision: &v1alpha1.DecisionStatus{}, Memory: string(text), Triggers: []v1alpha1.TriggerStatus{trigger},
	}, noon.Time())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// compareExplanation compares the text of an explanation with its golden file.
func compareExplanation(t *testing.T, name string, e *explain.Explanation) {
	t.Helper()
	var got strings.Builder
	if err := e.Text(&got, "shop/web (Deployment/web)"); err != nil {
		t.Fatal(err)
	}
	golden(t, name, got.String())
}

// golden compares a text with its golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "_")+".txt")
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got the text\n%swant\n%s", got, want)
	}
}

// At the level that an explanation names, the core decides the count that it names. A thousandth before that level it decides
// another one.
func testListedChangesDoChangeAnswer(t *testing.T) {
	for level := scalers.Milli(0); level <= 1_200_000; level += 7_300 {
		in := input(queue(), level)
		for _, o := range explain.Explain(queue(), in, nil, nil).Otherwise {
			if !isTrue(o, level, decide(in)) {
				t.Errorf("at the level %s the core does not decide what the explanation claims: %+v", level, o)
			}
		}
	}
}

// isTrue reports whether a claim about the answer at a level of the queue is true.
func isTrue(o explain.Otherwise, level scalers.Milli, now int32) bool {
	at := func(other scalers.Milli) int32 {
		in := input(queue(), level)
		for i := range in.Events {
			if in.Events[i].Trigger == o.Trigger {
				in.Events[i].Value = other
			}
		}
		return decide(in)
	}
	switch {
	case o.Above != nil:
		above := scalers.Milli(*o.Above)
		return at(above) <= now && at(above+1) == o.To && o.To > now
	case o.AtMost != nil:
		most := scalers.Milli(*o.AtMost)
		return at(most+1) >= now && at(most) == o.To && o.To < now
	case o.Raises:
		return o.Because != "" && at(math.MaxInt64) <= now
	default:
		return o.Because != "" && at(0) >= now
	}
}

func decide(in scalers.Input) int32 {
	d := scalers.Decide(queue(), in)
	return d.Replicas
}

// hours is a schedule that wants nine replicas from 13:00 until 14:00, every day.
func hours(now time.Time) (level scalers.Milli, end time.Time) {
	day := now.Truncate(24 * time.Hour)
	begin, over := day.Add(13*time.Hour), day.Add(14*time.Hour)
	switch {
	case now.Before(begin):
		return 0, begin
	case now.Before(over):
		return 9000, over
	default:
		return 0, begin.AddDate(0, 0, 1)
	}
}

func testEdgesOfScheduleAreForeseen(t *testing.T) {
	in := input(queue(), 800_000)
	e := explain.Explain(queue(), in, explain.Schedules{nil, hours}, nil)
	var changes []string
	for _, c := range e.Ahead {
		changes = append(changes, fmt.Sprintf("%s %d→%d", c.At.Format("15:04"), c.From, c.To))
	}
	// After the edge at 14:00 the window of five minutes stands for as long as it always does.
	if want := []string{"13:00 8→9", "14:05 9→8"}; !slices.Equal(changes, want) {
		t.Errorf("got the changes ahead %v, want %v", changes, want)
	}
	if got := *e.Triggers[1].Proposal; got != 0 {
		t.Errorf("the schedule asks for %d, want 0: its level at this instant, not that of its last reading", got)
	}
	for _, o := range e.Otherwise {
		if o.Trigger == "office" {
			t.Errorf("got %+v, want nothing on a schedule: only the clock changes its level", o)
		}
	}
	if in.Events[1].Value != 2000 {
		t.Errorf("the reading of the input became %s, want 2", in.Events[1].Value)
	}
}

func testLevelsAreWrittenWithFewestDigits(t *testing.T) {
	out, err := json.Marshal(explain.Explain(queue(), input(queue(), 800_000), nil, nil))
	if err != nil || !strings.Contains(string(out), `"above":"880"`) {
		t.Errorf("got %s, %v; want the level 880 in decimal notation", out, err)
	}
}

func testExplainingChangesNothing(t *testing.T) {
	in := input(queue(), 480_000)
	before, err := in.Memory.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	explain.Explain(queue(), in, nil, nil)
	after, err := in.Memory.MarshalText()
	if err != nil || string(before) != string(after) {
		t.Errorf("the memory became %s, %v; want %s as before", after, err, before)
	}
}

func testReasonForNoDecisionComesFromStatus(t *testing.T) {
	ready := condition(v1alpha1.ConditionReady, metav1.ConditionTrue, "Ready", "")
	for want, conditions := range map[string][]metav1.Condition{
		"does impulse run, and lead?": {ready},
		"TargetInUse: ScaledObject shop/web scales the same Deployment": {
			condition(v1alpha1.ConditionReady, metav1.ConditionFalse, "TargetInUse", "ScaledObject shop/web scales the same Deployment"),
		},
		"TargetNotFound: there is no Deployment web in namespace shop": {
			ready, condition(v1alpha1.ConditionAbleToScale, metav1.ConditionFalse, "TargetNotFound", "there is no Deployment web in namespace shop"),
		},
	} {
		_, err := explain.InputOf(&compile.Workload{}, &v1alpha1.ScaledObjectStatus{Conditions: conditions}, noon.Time())
		if err == nil || err.Error() != "nothing has been decided on it yet: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
