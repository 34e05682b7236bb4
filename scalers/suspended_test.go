package scalers_test

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestSuspended(t *testing.T) {
	t.Run("a suspended level activates no workload and keeps active ones", testSuspendedLevelActivatesNoWorkloadAndKeepsActiveOnes)
}

func testSuspendedLevelActivatesNoWorkloadAndKeepsActiveOnes(t *testing.T) {
	p := &scalers.Policy{Max: 10, Cooldown: time.Minute, Triggers: []scalers.Trigger{{Name: "queue", Target: 10_000, StaleAfter: time.Hour}}}
	for name, c := range map[string]struct {
		current int32
		event   scalers.Event
		want    int32
		active  bool
	}{
		"idle, a suspended level does not activate it":         {0, scalers.Event{Value: 5000, Suspended: true}, 0, false},
		"idle, a level that is not suspended activates it":     {0, scalers.Event{Value: 5000}, 1, true},
		"running, a suspended level still asks for replicas":   {3, scalers.Event{Value: 5000, Suspended: true}, 1, true},
		"running, with a suspended level of 0 it becomes idle": {3, scalers.Event{Suspended: true}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.event.At, c.event.Current = epoch, c.current
			long := scalers.Memory{LastActive: epoch.Add(-time.Hour)}
			d := scalers.Decide(p, scalers.Input{Now: epoch, Current: c.current, Events: []scalers.Event{c.event}, Memory: long})
			if d.Replicas != c.want || d.Active != c.active || p.Propose(0, &c.event, epoch).Active != c.active {
				t.Errorf("got %d replicas, active %t, want %d, %t: %s", d.Replicas, d.Active, c.want, c.active, p.Why(&d))
			}
		})
	}
}
