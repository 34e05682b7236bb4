package explain_test

import (
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/explain"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers/alertmanager"
)

func TestAlerts(t *testing.T) {
	t.Run("the effect of an alert is shown for its start and its end", testEffectOfAlertIsShownForItsStartAndItsEnd)
	t.Run("the effect of an alert is shown in steps", testEffectOfAlertIsShownInSteps)
	t.Run("alerts with a level of their own are shown by that level", testAlertsWithLevelOfTheirOwnAreShownByThatLevel)
	t.Run("the cooldown counts from now, however old the status is", testCooldownCountsFromNowHoweverOldStatusIs)
}

// alertPolicy returns the policy of an object that wants as many replicas as the level of its alert, and one replica without it.
func alertPolicy() *scalers.Policy {
	return &scalers.Policy{
		Min: 1, Max: 10, Idle: scalers.NoIdle, Down: scalers.Behavior{Window: 5 * time.Second},
		Triggers: []scalers.Trigger{{Name: "hits", Target: 1000, Exact: true, Continuous: true}},
	}
}

func testEffectOfAlertIsShownForItsStartAndItsEnd(t *testing.T) {
	for name, level := range map[string]scalers.Milli{"alert fires": 5000, "no alert": 0} {
		t.Run(name, func(t *testing.T) {
			p, current := alertPolicy(), max(int32(level/1000), 1)
			in := scalers.Input{
				Now: noon, Current: current, Memory: scalers.Memory{}.Recommended(p, noon, current),
				Events: []scalers.Event{{Trigger: "hits", At: noon, Value: level, Current: current}},
			}
			compareExplanation(t, name, explain.Explain(p, in, nil, explain.Alerts{alertmanager.Config{Replicas: 5, TTL: 3 * minute}}))
		})
	}
}

func testEffectOfAlertIsShownInSteps(t *testing.T) {
	compareExplanation(t, "steps of alerts", explain.Explain(stepPolicy(), inputWithAlerts(2), nil, explain.Alerts{nil, alertmanager.Config{Step: "+2", StepInterval: 20 * time.Second, TTL: 12 * time.Hour}}))
}

func testAlertsWithLevelOfTheirOwnAreShownByThatLevel(t *testing.T) {
	in := scalers.Input{Now: noon, Current: 5, Events: []scalers.Event{{Trigger: "hits", At: noon, Value: 5000, Current: 5}}}
	for _, o := range explain.Explain(alertPolicy(), in, nil, explain.Alerts{alertmanager.Config{Value: "label:replicas", Aggregation: "max"}}).Otherwise {
		if o.When != "" {
			t.Errorf("got %+v, want levels: not every alert is worth the same", o)
		}
	}
}

// What was active when the status was written has been active at each reading since.
func testCooldownCountsFromNowHoweverOldStatusIs(t *testing.T) {
	p := &scalers.Policy{Max: 10, Idle: 0, Cooldown: 5 * minute, Triggers: []scalers.Trigger{{Name: "queue", Target: 100_000}}}
	then := noon.Add(-60 * minute)
	d := scalers.Decide(p, scalers.Input{Now: then, Current: 1, Events: []scalers.Event{{At: then, Value: 50_000, Current: 1}}})
	in := inputFromStatus(t, p, 1, d.Memory, v1alpha1.TriggerStatus{Name: "queue", Value: "50", Active: true})
	in.Events[0].Value = 0
	if e := explain.Explain(p, in, nil, nil); e.To != 1 || e.Next == nil || !e.Next.Equal(noon.Add(5*minute).Time()) {
		t.Errorf("an inactive workload has %d until %v, want 1 until the end of the whole cooldown from now on", e.To, e.Next)
	}
}
