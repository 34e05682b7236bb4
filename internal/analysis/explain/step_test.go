package explain_test

import (
	"errors"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/scalers"
)

func TestStep(t *testing.T) {
	t.Run("an explanation of steps reads as documented", testExplanationOfStepsReadsAsDocumented)
	t.Run("the change that would alter the answer is counted in whole steps", testChangeThatWouldAlterAnswerIsCountedInWholeSteps)
	t.Run("the fallback is foreseen at the reading that brings it", testFallbackIsForeseenAtReadingThatBringsIt)
	t.Run("a level with a known minimum is read from the status", testLevelWithKnownMinimumIsReadFromStatus)
	t.Run("a level that did not activate the workload does not in the explanation", testLevelThatDidNotActivateWorkloadDoesNotInExplanation)
}

// stepPolicy returns the policy of an object with a queue and a step trigger, which adds two replicas for each alert.
func stepPolicy() *scalers.Policy {
	p := queue()
	p.Triggers[1] = scalers.Trigger{Name: "slow", Target: 1000, Exact: true, Continuous: true, Increment: scalers.Increment{Amount: 2}}
	return p
}

// inputWithAlerts returns an input in which the queue asks for four replicas, and this many alerts fire.
func inputWithAlerts(alerts scalers.Milli) scalers.Input {
	in := input(stepPolicy(), 400_000)
	in.Memory = scalers.Memory{}.Recommended(stepPolicy(), noon.Add(-10*minute), 4)
	in.Events[1] = scalers.Event{Trigger: "slow", At: noon, Value: alerts * 1000, Current: 8, Ready: 8}
	return in
}

func testExplanationOfStepsReadsAsDocumented(t *testing.T) {
	least := inputWithAlerts(2)
	least.Events[1].Err, least.Events[1].AtLeast = errors.New("the recorded alerts were lost"), true
	for name, in := range map[string]scalers.Input{"steps": inputWithAlerts(2), "no step": inputWithAlerts(0), "at least": least} {
		t.Run(name, func(t *testing.T) { compareExplanation(t, name, explain.Explain(stepPolicy(), in, nil, nil)) })
	}
}

func testChangeThatWouldAlterAnswerIsCountedInWholeSteps(t *testing.T) {
	got := map[bool]string{}
	for _, o := range explain.Explain(stepPolicy(), inputWithAlerts(2), nil, nil).Otherwise {
		switch {
		case o.Trigger != "slow":
		case o.Above != nil:
			got[true] = o.Above.String()
		case o.AtMost != nil:
			got[false] = o.AtMost.String()
		}
	}
	if got[true] != "2" || got[false] != "1" {
		t.Errorf("got more above %q and fewer at %q, want 2 and 1", got[true], got[false])
	}
}

func testFallbackIsForeseenAtReadingThatBringsIt(t *testing.T) {
	p := queue()
	p.Fallback = &scalers.Fallback{FailureThreshold: 3, Replicas: 9, Interval: 30 * time.Second}
	in := input(p, 0)
	in.Events[0].Err = errors.New("connection refused")
	ahead := explain.Explain(p, in, nil, nil).Ahead
	if len(ahead) == 0 || ahead[0].To != 9 || !ahead[0].At.Equal(noon.Add(90*time.Second).Time()) {
		t.Errorf("got the changes ahead %+v, want the fallback of 9 with the fourth failure, in 90 s", ahead)
	}
}

func testLevelWithKnownMinimumIsReadFromStatus(t *testing.T) {
	p := &scalers.Policy{Triggers: []scalers.Trigger{{Name: "slow"}}}
	in := inputFromStatus(t, p, 8, scalers.Memory{}, v1alpha1.TriggerStatus{Name: "slow", Value: "3", LastError: "the recorded alerts were lost"})
	if !in.Events[0].AtLeast || in.Events[0].Err == nil || in.Events[0].Value != 3000 {
		t.Errorf("got the readings %+v, want at least 3", in.Events)
	}
}

func testLevelThatDidNotActivateWorkloadDoesNotInExplanation(t *testing.T) {
	p := queue()
	p.Min, p.Idle = 0, 0
	p.Triggers = p.Triggers[:1]
	for active, want := range map[bool]int32{false: 0, true: 1} {
		in := inputFromStatus(t, p, 0, scalers.Memory{}, v1alpha1.TriggerStatus{Name: "queue", Value: "3", Active: active})
		if got := explain.Explain(p, in, nil, nil).To; got != want {
			t.Errorf("with active %t in the status the count goes to %d, want %d", active, got, want)
		}
	}
}
