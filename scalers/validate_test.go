package scalers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	p := &scalers.Policy{
		Min: -1, Max: 0, Rest: 5, Cooldown: -time.Second, Paused: scalers.Paused{Fixed: true, At: -2},
		Up:   scalers.Behavior{Window: -1, Tolerance: -100_000, Select: 9},
		Down: scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 1, Period: time.Second}, {Amount: 0, Period: time.Second}, {Amount: 1}}},
		Triggers: []scalers.Trigger{
			{Name: "a", Target: 1}, {Name: "a", Target: 0, Metric: 7, StaleAfter: -1},
		},
	}
	err := p.Validate()
	if err == nil {
		t.Fatal("it is valid")
	}
	for _, mistake := range []string{
		"the minimum is -1", "the maximum is 0", "the resting count is 5", "the cooldowns are -1s", "paused at -2",
		"scale-up window is -1ns", "scale-up tolerance is -10%", "scale-up select is 9", "scale-down policy 1 allows 0 in 1s",
		"scale-down policy 2 allows 1 in 0s", `trigger 1 is called "a"`, "trigger a: target is 0", "trigger a: metric type is 7",
		"trigger a: stale after -1ns",
	} {
		if !strings.Contains(err.Error(), mistake) {
			t.Errorf("%q is not told in\n%s", mistake, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 14 {
		t.Errorf("%d mistakes are told, want 14:\n%s", n, err)
	}
}

func TestAWorkloadThatMayHaveNoReplicasNeedsARestingCount(t *testing.T) {
	p := plain(1)
	p.Min = 0
	if err := p.Validate(); err == nil {
		t.Error("it is valid without one")
	}
	p.Rest = 0
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryRandomPolicyIsValid(t *testing.T) {
	for seed := range uint64(1000) {
		if err := newTimeline(seed, nil).policy.Validate(); err != nil {
			t.Fatalf("timeline %d: %v", seed, err)
		}
	}
	if err := full().Validate(); err != nil {
		t.Error(err)
	}
}
