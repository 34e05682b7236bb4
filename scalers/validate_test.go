package scalers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestValidate(t *testing.T) {
	t.Run("all mistakes are reported at once", testAllMistakesAreReportedAtOnce)
	t.Run("each mistake in a trigger's role is reported", testEachMistakeInTriggersRoleIsReported)
	t.Run("a workload that may have no replicas needs an idle count", testWorkloadThatMayHaveNoReplicasNeedsIdleCount)
	t.Run("every random policy is valid", testEveryRandomPolicyIsValid)
	t.Run("a scale-up window is at most a day", testScaleUpWindowIsAtMostDay)
}

func testAllMistakesAreReportedAtOnce(t *testing.T) {
	p := &scalers.Policy{
		Min: -1, Max: 0, Idle: 5, Cooldown: -time.Second, Paused: scalers.Paused{Fixed: true, At: -2, Until: -3},
		Up:   scalers.Behavior{Window: -1, Tolerance: -100_000, Select: 9},
		Down: scalers.Behavior{Policies: []scalers.RatePolicy{{Amount: 1, Period: time.Second}, {Amount: 0, Period: time.Second}, {Amount: 1}}},
		Triggers: []scalers.Trigger{
			{Name: "a", Target: 1}, {Name: "a", Target: 0, Metric: 7, StaleAfter: -1},
		},
	}
	err := p.Validate()
	if err == nil {
		t.Fatal("Validate: got no error, want mistakes")
	}
	for _, mistake := range []string{
		"the minimum is -1", "the maximum is 0", "the idle count is 5", "the cooldowns are -1s", "paused at -2", "paused until -3",
		"scale-up window is -1ns", "scale-up tolerance is -10%", "scale-up select is 9", "scale-down policy 1 allows 0 in 1s",
		"scale-down policy 2 allows 1 in 0s", `trigger 1 is called "a"`, "trigger a: target is 0", "trigger a: metric type is 7",
		"trigger a: stale after -1ns",
	} {
		if !strings.Contains(err.Error(), mistake) {
			t.Errorf("Validate: got no mistake %q, want it in\n%s", mistake, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 15 {
		t.Errorf("Validate: got %d mistakes, want 15:\n%s", n, err)
	}
}

func testEachMistakeInTriggersRoleIsReported(t *testing.T) {
	formula := func([]scalers.Level) (scalers.Milli, error) { return 0, nil }
	pods := scalers.Trigger{Name: "cpu", Target: 50_000, Metric: scalers.Utilization, PerPod: true, CPU: true}
	asks, in := scalers.Trigger{Name: "a", Target: 1}, scalers.Trigger{Name: "in", Input: true}
	step := scalers.Trigger{Name: "a", Target: 1000, Exact: true, Increment: scalers.Increment{Amount: 50, Percent: true}}
	last := scalers.Trigger{Name: "last", Target: 1, Formula: formula}
	with := func(t scalers.Trigger, change func(*scalers.Trigger)) []scalers.Trigger {
		change(&t)
		return []scalers.Trigger{t}
	}
	static := &scalers.Fallback{}
	for mistake, c := range map[string]struct {
		triggers []scalers.Trigger
		fallback *scalers.Fallback
	}{
		"": {[]scalers.Trigger{in, pods, last}, &scalers.Fallback{Behavior: scalers.FallbackScalingModifiers}},
		"metric type is Utilization: expected readings":   {with(pods, func(t *scalers.Trigger) { t.PerPod, t.CPU = false, false }), static},
		"metric type is Value: expected":                  {with(pods, func(t *scalers.Trigger) { t.Metric = scalers.Value }), static},
		"it is exact or of cpu":                           {with(pods, func(t *scalers.Trigger) { t.Exact = true }), static},
		"trigger a: it is exact or of cpu":                {with(asks, func(t *scalers.Trigger) { t.CPU = true }), static},
		"asks for 5 to 3":                                 {with(asks, func(t *scalers.Trigger) { t.Min, t.Max = 5, 3 }), static},
		"asks for -1 to 0":                                {with(asks, func(t *scalers.Trigger) { t.Min = -1 }), static},
		"every trigger caps":                              {with(asks, func(t *scalers.Trigger) { t.Cap = true }), static},
		"1 triggers are the inputs":                       {[]scalers.Trigger{asks, in}, static},
		"trigger last has a formula: expected it last":    {[]scalers.Trigger{in, last, asks}, static},
		"trigger last has a formula: expected":            {[]scalers.Trigger{asks, last}, static},
		"trigger in: it is of a formula and has another":  {[]scalers.Trigger{{Name: "in", Input: true, Cap: true}, last}, static},
		"and continuous when one of them is":              {[]scalers.Trigger{{Name: "in", Input: true, Continuous: true}, last}, static},
		"trigger a: each step adds -2":                    {with(asks, func(t *scalers.Trigger) { t.Increment.Amount = -2 }), static},
		"trigger a: each step adds 0%":                    {with(asks, func(t *scalers.Trigger) { t.Increment.Percent = true }), static},
		"trigger a: metric type is Value: expected Av":    {with(step, func(t *scalers.Trigger) { t.Metric = scalers.Value }), static},
		"trigger a: it adds 50% each step: expected it":   {with(step, func(t *scalers.Trigger) { t.Exact = false }), static},
		"exact with target 1, and not 2":                  {with(step, func(t *scalers.Trigger) { t.Target = 2000 }), static},
		"trigger a: it adds 50% each step and is of a":    {[]scalers.Trigger{with(step, func(t *scalers.Trigger) { t.Input = true })[0], last}, static},
		"fallback behavior is scalingModifiers: expected": {[]scalers.Trigger{asks}, &scalers.Fallback{Behavior: scalers.FallbackScalingModifiers}},
		"fallback behavior is 9":                          {[]scalers.Trigger{asks}, &scalers.Fallback{Behavior: 9}},
		"fallback to -1 replicas after -2 failures":       {[]scalers.Trigger{asks}, &scalers.Fallback{Replicas: -1, FailureThreshold: -2}},
	} {
		p := &scalers.Policy{Min: 1, Max: 2, Idle: scalers.NoIdle, Triggers: c.triggers, Fallback: c.fallback}
		err := p.Validate()
		if mistake == "" && err != nil {
			t.Error(err)
		}
		if mistake != "" && (err == nil || !strings.Contains(err.Error(), mistake)) {
			t.Errorf("Validate: got %v, want %s", err, mistake)
		}
	}
}

func testWorkloadThatMayHaveNoReplicasNeedsIdleCount(t *testing.T) {
	p := plainPolicy(1)
	p.Min = 0
	if err := p.Validate(); err == nil {
		t.Error("Validate with minimum 0 and no idle count: got no error, want one")
	}
	p.Idle = 0
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}

func testEveryRandomPolicyIsValid(t *testing.T) {
	for seed := range uint64(1000) {
		if err := newTimeline(seed, nil).policy.Validate(); err != nil {
			t.Fatalf("Validate the policy of timeline %d: got %v, want no error", seed, err)
		}
	}
	if err := fullPolicy().Validate(); err != nil {
		t.Error(err)
	}
}

func testScaleUpWindowIsAtMostDay(t *testing.T) {
	p := plainPolicy(1)
	p.Up.Window, p.Down.Window = 24*time.Hour, 68*365*24*time.Hour
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	if p.Up.Window++; p.Validate() == nil {
		t.Error("Validate with a scale-up window above a day: got no error, want one")
	}
}
