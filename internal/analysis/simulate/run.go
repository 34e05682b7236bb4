package simulate

import (
	"context"
	"fmt"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Track is what one policy did on a load.
type Track struct {
	Name string `json:"name"`
	// Wanted and Ready are the replicas that were wanted, and those that were ready, over time.
	Wanted []Step `json:"-"`
	Ready  []Step `json:"-"`
	// Held is where a rule began to hold the number back, for objects that Decide was asked about.
	Held  []Mark `json:"-"`
	Score Score  `json:"score"`
}

// Mark is an instant at which a rule began to hold the number back, and the number that it was held at.
type Mark struct {
	At   scalers.Instant
	Rule scalers.Rule
	N    int32
}

// finish fills in what follows from what was wanted.
func (t *Track) finish(m *Model, demand []Step) {
	t.Ready = ready(t.Wanted, m.StartupDelay)
	t.Score = score(m, t.Wanted, t.Ready, demand)
}

// World puts an object into a virtual world with the load of a model.
func Scenario(w *compile.Workload, m *Model) (*engine.Scenario, error) {
	feeds, err := engine.DerivedFeeds(w, nil)
	if err != nil {
		return nil, err
	}
	for i := range feeds {
		if feeds[i] != nil {
			continue
		}
		if feeds[i], err = feedOf(w, i, m); err != nil {
			return nil, err
		}
	}
	policy := *w.Policy
	if policy.Created == 0 {
		policy.Created = m.Load.Start()
	}
	return &engine.Scenario{
		Policy: &policy, Start: m.Load.Start(), Replicas: w.Policy.Min, StartupDelay: m.StartupDelay, Feeds: feeds,
	}, nil
}

// Run rehearses an object on a load. passed is told now and then how far it is, from 0 to 1; it may be nil.
func Run(ctx context.Context, name string, w *compile.Workload, m *Model, demand []Step, passed func(float64)) (*Track, error) {
	scenario, err := Scenario(w, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Track{Name: name}
	start, end := m.Load.Start(), m.Load.End()
	var held scalers.Rule
	const tellEvery = 4096
	n := 0
	for turn := range scenario.Turns(end - 1) {
		if n++; n%tellEvery == 0 {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if passed != nil {
				passed(float64(turn.At-start) / float64(end-start))
			}
		}
		if count := turn.Target.Current; len(t.Wanted) == 0 || t.Wanted[len(t.Wanted)-1].N != count {
			t.Wanted = append(t.Wanted, Step{turn.At, count})
		}
		if rule := holding(turn.Decision); rule != held {
			if held = rule; rule != scalers.RuleFormula {
				t.Held = append(t.Held, Mark{turn.At, rule, turn.Target.Current})
			}
		}
	}
	t.finish(m, demand)
	return t, nil
}

// holding is the last rule that spoke in a decision; RuleFormula when none did.
func holding(d *scalers.Decision) scalers.Rule {
	steps := d.Steps()
	if len(steps) == 0 {
		return scalers.RuleFormula
	}
	return steps[len(steps)-1].Rule
}
