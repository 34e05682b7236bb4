package scalers_test

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestAtLeast(t *testing.T) {
	t.Run("an AtLeast level is named in the reason", testAtLeastLevelIsNamedInReason)
	t.Run("an AtLeast input is unknown to the formula", testAtLeastInputIsUnknownToFormula)
	t.Run("a level that is replaced by an AtLeast one at the same instant has arrived", testLevelThatIsReplacedByAtLeastOneAtSameInstantHasArrived)
}

func testAtLeastLevelIsNamedInReason(t *testing.T) {
	p := plainPolicy(5)
	p.Triggers[1].Metric, p.Triggers[1].Exact = scalers.Value, false
	p.Triggers[2].Continuous, p.Triggers[2].StaleAfter = false, time.Second
	p.Triggers[3].Cap = true
	p.Triggers[4] = cpuPolicy().Triggers[0]
	at := epoch.Add(-2 * time.Second)
	least := scalers.Event{At: at, Value: 3000, Current: 2, Err: errSource, AtLeast: true}
	d := scalers.Decide(p, scalers.Input{Now: epoch, Current: 2, Events: []scalers.Event{least, least, least, least, least}})
	for i, want := range []string{
		"is not known for certain, but 3 at least", "has no ready pod to be multiplied with", "was read too long ago",
		"is not known for certain, but 3 at least", "is unknown",
	} {
		if q := d.Proposals()[i]; q.Unknown() != want || q.Known {
			t.Errorf("trigger %d: got that it %s, want that it %s", i, q.Unknown(), want)
		}
	}
	if d.Winner != 0 || d.Replicas != 3 || d.Known {
		t.Errorf("got %d replicas by trigger %d: want the 3 of the first, and it unknown", d.Replicas, d.Winner)
	}
}

func testAtLeastInputIsUnknownToFormula(t *testing.T) {
	p := plainPolicy(1)
	p.Triggers[0].Input = true
	saw := true
	p.Triggers = append(p.Triggers, scalers.Trigger{Name: "sum", Target: 1000, Continuous: true, Formula: func(levels []scalers.Level) (scalers.Milli, error) {
		saw = levels[0].Known
		return 1000, nil
	}})
	d := scalers.Decide(p, scalers.Input{Now: epoch, Current: 5, Events: []scalers.Event{{At: epoch, Value: 9000, Current: 5, Err: errSource, AtLeast: true}}})
	if saw || d.Proposals()[0].Fallback {
		t.Errorf("got the input known to the formula: %t, by fallback: %t, want neither: %s", saw, d.Proposals()[0].Fallback, p.Why(&d))
	}
}

func testLevelThatIsReplacedByAtLeastOneAtSameInstantHasArrived(t *testing.T) {
	w := newWorkload(plainPolicy(1), 1)
	w.read(0, 0, reading{value: 9000, failed: true})
	w.decide(0)
	before := w.memory.Readings
	w.events[0].AtLeast = true
	w.decide(0)
	if w.memory.Readings == before || w.current != 9 {
		t.Errorf("got %d replicas, want the 9 of the least to have arrived", w.current)
	}
}
