package report

import (
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestTheHistoryDoesNotTellWhatALaterRuleHasUndone(t *testing.T) {
	p := &scalers.Policy{
		Max: 10, Rest: 0, Cooldown: time.Second, Down: scalers.Behavior{Window: time.Minute},
		Triggers: []scalers.Trigger{{Name: "queue", Target: 10_000}},
	}
	d := scalers.Decide(p, scalers.Input{
		Now: 100 * scalers.Instant(time.Second), Current: 3, Events: []scalers.Event{{At: 100 * scalers.Instant(time.Second), Current: 3}},
		Memory: scalers.Memory{LastActive: scalers.Instant(time.Second)}.Recommended(p, 90*scalers.Instant(time.Second), 3),
	})
	all, brief := p.Why(&d), briefly(p, &d)
	if !strings.Contains(all, "held at 3") || d.Replicas != 0 {
		t.Fatalf("to %d, as %s; want a window that rest overrules", d.Replicas, all)
	}
	if strings.Contains(brief, "held at 3") || !strings.Contains(brief, "at rest at 0") {
		t.Errorf("the history says %q, want the rest alone", brief)
	}
}
