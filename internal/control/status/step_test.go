package status

import (
	"errors"
	"testing"

	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

func TestStep(t *testing.T) {
	t.Run("a step is reported on top of its base", testStepIsReportedOnTopOfItsBase)
	t.Run("an AtLeast level is reported with its error", testAtLeastLevelIsReportedWithItsError)
}

// reported returns what a status shows of the last event of a step trigger, on top of a queue that asks for four.
func reported(e scalers.Event) (value, why, targets string, proposal *int32, active bool) {
	p := &scalers.Policy{Min: 1, Max: 50, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{
		{Name: "queue", Target: 10_000, Continuous: true},
		{Name: "slow", Target: 1000, Exact: true, Continuous: true, Increment: scalers.Increment{Amount: 2}},
	}}
	e.At = 1
	events := []scalers.Event{{At: 1, Value: 40_000, Current: 4}, e}
	decision := scalers.Decide(p, scalers.Input{Now: 1, Current: 4, Events: events})
	all := triggersOf(&autoscaler.Outcome{
		Workload: &compile.Workload{Policy: p, Triggers: make([]compile.Trigger, 2)}, At: 1, Events: events, Decision: &decision, Decided: true,
	})
	return all[1].Value, all[1].LastError, targetsOf(all), all[1].Proposal, all[1].Active
}

func testStepIsReportedOnTopOfItsBase(t *testing.T) {
	value, why, targets, proposal, active := reported(scalers.Event{Value: 3000})
	if value != "3" || why != "" || targets != "40/10, 3" || proposal == nil || *proposal != 10 || !active {
		t.Errorf("%s, %q, %s, proposal %v, active %t; want 3 on top of 4", value, why, targets, proposal, active)
	}
	value, _, _, proposal, active = reported(scalers.Event{})
	if value != "0" || proposal != nil || active {
		t.Errorf("%s, proposal %v, active %t; want no proposal", value, proposal, active)
	}
}

func testAtLeastLevelIsReportedWithItsError(t *testing.T) {
	value, why, targets, proposal, active := reported(scalers.Event{Value: 2000, Err: errors.New("the recorded alerts were lost"), AtLeast: true})
	if value != "2" || why != "the recorded alerts were lost" || targets != "40/10, ≥2" || proposal == nil || *proposal != 8 || !active {
		t.Errorf("%s, %q, %s, proposal %v, active %t; want 2 at least", value, why, targets, proposal, active)
	}
}
