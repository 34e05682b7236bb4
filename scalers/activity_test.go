package scalers_test

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestActivity(t *testing.T) {
	t.Run("a source may itself report whether there is work", testSourceMayItselfReportWhetherThereIsWork)
}

func testSourceMayItselfReportWhetherThereIsWork(t *testing.T) {
	p := &scalers.Policy{Max: 10, Cooldown: time.Minute, Triggers: []scalers.Trigger{{Name: "queue", Target: 10_000, StaleAfter: time.Hour}}}
	for name, c := range map[string]struct {
		current int32
		event   scalers.Event
		want    int32
		active  bool
	}{
		"idle, work without a level activates":         {0, scalers.Event{Activity: scalers.ActiveBySource}, 1, true},
		"idle, a level without work does not activate": {0, scalers.Event{Value: 30_000, Activity: scalers.InactiveBySource}, 0, false},
		"running, a level without work becomes idle":   {3, scalers.Event{Value: 30_000, Activity: scalers.InactiveBySource}, 0, false},
		"running, work without a level keeps one":      {3, scalers.Event{Activity: scalers.ActiveBySource}, 1, true},
		"work activates even a suspended level":        {0, scalers.Event{Value: 30_000, Suspended: true, Activity: scalers.ActiveBySource}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			c.event.At, c.event.Current = epoch, c.current
			long := scalers.Memory{LastActive: epoch.Add(-time.Hour)}
			d := scalers.Decide(p, scalers.Input{Now: epoch, Current: c.current, Events: []scalers.Event{c.event}, Memory: long})
			if d.Replicas != c.want || d.Active != c.active {
				t.Errorf("got %d replicas, active %t, want %d, %t: %s", d.Replicas, d.Active, c.want, c.active, p.Why(&d))
			}
		})
	}
}
