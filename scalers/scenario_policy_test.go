package scalers_test

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// newScenarioPolicy returns the policy of a user who has set nothing: 0 to 100 replicas, a cooldown of 5 minutes.
func newScenarioPolicy() *scalers.Policy {
	return &scalers.Policy{
		Max: 100, Created: epoch, Cooldown: 5 * time.Minute,
		CPUInitializationPeriod: 5 * time.Minute, InitialReadinessDelay: 30 * time.Second,
		Up:   scalers.Behavior{Tolerance: 100_000},
		Down: scalers.Behavior{Tolerance: 100_000, Window: 5 * time.Minute},
	}
}

// setPolicy reads min, max, idle, cooldown (which is the down window, too), initialCooldown, fallback and its interval, and of
// each direction window, tolerance, select and policies: fallback=3/6/static up.window=1m down.policies=10%/1m,4/15s.
func (s *scenario) setPolicy(settings []string) {
	p := s.policy
	for _, setting := range settings {
		key, value, _ := strings.Cut(setting, "=")
		direction, rest, _ := strings.Cut(key, ".")
		switch key {
		case "min":
			if p.Min = s.count(value); p.Min > 0 {
				p.Idle = scalers.NoIdle
			}
		case "max":
			p.Max = s.count(value)
		case "idle":
			p.Idle = s.count(value)
		case "cooldown":
			p.Cooldown = s.duration(value)
			p.Down.Window = p.Cooldown
		case "initialCooldown":
			p.InitialCooldown = s.duration(value)
		case "fallback":
			p.Fallback = s.fallback(value)
		case "interval":
			p.Fallback.Interval = s.duration(value)
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

// addTrigger reads target, activation, stale, min, max and step (2, or 50%), and the flags value, exact, continuous, utilization, pods, cpu, cap,
// input, and sum or first for the formula over the inputs.
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
		case "min":
			t.Min = s.count(value)
		case "max":
			t.Max = s.count(value)
		case "step":
			amount, percent := strings.CutSuffix(value, "%")
			t.Exact, t.Increment = true, scalers.Increment{Percent: percent, Amount: s.count(amount)}
		case "cap":
			t.Cap = true
		case "input":
			t.Input = true
		case "sum", "first":
			t.Formula = formulas[key]
		case "continuous":
			t.Continuous = true
		default:
			s.t.Fatalf("no such setting: %s", setting)
		}
	}
	s.policy.Triggers = append(s.policy.Triggers, t)
}

// paused reads no, keep, in, out or a count, which @TIME follows if the pause has an end, and :REASON if it has a reason.
func (s *scenario) paused(text string) (p scalers.Paused) {
	text, p.Reason, _ = strings.Cut(text, ":")
	how, end, ends := strings.Cut(text, "@")
	if ends {
		p.Until = epoch.Add(s.duration(end))
	}
	switch how {
	case "no":
	case "keep":
		p.All = true
	case "in":
		p.In = true
	case "out":
		p.Out = true
	default:
		p.Fixed, p.At = true, s.count(how)
	}
	return p
}

// formulas are a + b, which needs both, and a ?? b.
var formulas = map[string]func([]scalers.Level) (scalers.Milli, error){
	"sum": func(levels []scalers.Level) (scalers.Milli, error) {
		var sum scalers.Milli
		for _, l := range levels {
			if !l.Known {
				return 0, errors.New("nil + float64")
			}
			sum += l.Value
		}
		return sum, nil
	},
	"first": func(levels []scalers.Level) (scalers.Milli, error) {
		for _, l := range levels {
			if l.Known {
				return l.Value, nil
			}
		}
		return 0, errors.New("all are nil")
	},
}

// fallback reads THRESHOLD/REPLICAS/BEHAVIOR, or none.
func (s *scenario) fallback(text string) *scalers.Fallback {
	if text == "none" {
		return nil
	}
	parts := strings.Split(text, "/")
	behavior := slices.Index([]string{"static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower", "scalingModifiers"}, parts[2])
	return &scalers.Fallback{FailureThreshold: s.count(parts[0]), Replicas: s.count(parts[1]), Behavior: scalers.FallbackBehavior(behavior)}
}
