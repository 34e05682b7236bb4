package scalers_test

import (
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// newScenarioPolicy is a policy as a user has it who set nothing: 0 to 100 replicas, a cooldown of 5 minutes.
func newScenarioPolicy() *scalers.Policy {
	return &scalers.Policy{
		Max: 100, Created: epoch, Cooldown: 5 * time.Minute,
		CPUInitializationPeriod: 5 * time.Minute, InitialReadinessDelay: 30 * time.Second,
		Up:   scalers.Behavior{Tolerance: 100_000},
		Down: scalers.Behavior{Tolerance: 100_000, Window: 5 * time.Minute},
	}
}

// setPolicy reads min, max, idle, cooldown (which is the down window, too), initialCooldown, and of each direction window,
// tolerance, select and policies: up.window=1m down.policies=10%/1m,4/15s.
func (s *scenario) setPolicy(settings []string) {
	p := s.policy
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		direction, rest, _ := strings.Cut(key, ".")
		switch key {
		case "min":
			if p.Min = s.count(value); p.Min > 0 {
				p.Rest = scalers.NoRest
			}
		case "max":
			p.Max = s.count(value)
		case "idle":
			p.Rest = s.count(value)
		case "cooldown":
			p.Cooldown = s.duration(value)
			p.Down.Window = p.Cooldown
		case "initialCooldown":
			p.InitialCooldown = s.duration(value)
		default:
			b := map[string]*scalers.Behavior{"up": &p.Up, "down": &p.Down}[direction]
			if b == nil {
				s.t.Fatalf("no such setting: %s", setting)
			}
			s.setBehavior(b, rest, value)
		}
	}
}

func (s *scenario) setBehavior(b *scalers.Behavior, key, value string) {
	switch key {
	case "window":
		b.Window = s.duration(value)
	case "tolerance":
		b.Tolerance = int64(number(s.t, value)) * 1000
	case "select":
		b.Select = map[string]scalers.Select{"Max": scalers.Max, "Min": scalers.Min, "Disabled": scalers.Disabled}[value]
	case "policies":
		for text := range strings.SplitSeq(value, ",") {
			amount, period, _ := strings.Cut(text, "/")
			n, percent := strings.CutSuffix(amount, "%")
			b.Policies = append(b.Policies, scalers.RatePolicy{Percent: percent, Amount: s.count(n), Period: s.duration(period)})
		}
	default:
		s.t.Fatalf("no such setting: %s", key)
	}
}

// addTrigger reads target, activation and stale, and the flags value, exact, continuous, utilization, pods and cpu.
func (s *scenario) addTrigger(name string, settings []string) {
	t := scalers.Trigger{Name: name, Target: 1000}
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		switch key {
		case "target":
			t.Target = number(s.t, value)
		case "activation":
			t.Activation = number(s.t, value)
		case "stale":
			t.StaleAfter = s.duration(value)
		case "value":
			t.Metric = scalers.Value
		case "exact":
			t.Exact = true
		case "utilization":
			t.PerPod, t.Metric = true, scalers.Utilization
		case "pods":
			t.PerPod = true
		case "cpu":
			t.CPU = true
		case "continuous":
			t.Continuous = true
		default:
			s.t.Fatalf("no such setting: %s", setting)
		}
	}
	s.policy.Triggers = append(s.policy.Triggers, t)
}

// paused reads no, keep, in, out or a count.
func (s *scenario) paused(text string) scalers.Paused {
	switch text {
	case "no":
		return scalers.Paused{}
	case "keep":
		return scalers.Paused{Keep: true}
	case "in":
		return scalers.Paused{In: true}
	case "out":
		return scalers.Paused{Out: true}
	default:
		return scalers.Paused{Fixed: true, At: s.count(text)}
	}
}
