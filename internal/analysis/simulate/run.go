package simulate

import (
	"context"
	"fmt"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Track is the result of one policy on a load.
type Track struct {
	Name string `json:"name"`
	// Wanted and Ready are the wanted and the ready replicas over time.
	Wanted []Step `json:"-"`
	Ready  []Step `json:"-"`
	// Marks has the instants at which another rule than before set the count, except the formula; it is empty for a baseline.
	Marks []Mark `json:"-"`
	Score Score  `json:"score"`
}

// Mark is an instant at which a rule other than the formula began to set the count, and that count.
type Mark struct {
	At   scalers.Instant
	Rule scalers.Rule
	N    int32
}

// finish fills in the ready replicas and the score.
func (t *Track) finish(m *Model, demand []Step) {
	t.Ready = ready(t.Wanted, m.StartupDelay)
	t.Score = score(m, t.Wanted, t.Ready, demand)
}

// Scenario returns the scenario in which the compiled object w runs on the load of m. The error names the trigger that does not fit the
// load.
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

// Run runs an object on a load. It calls progress now and then with the fraction that is done, from 0 to 1; progress may be nil. The
// error is that of Scenario or of ctx.
func Run(ctx context.Context, name string, w *compile.Workload, m *Model, demand []Step, progress func(float64)) (*Track, error) {
	scenario, err := Scenario(w, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Track{Name: name}
	start, end := m.Load.Start(), m.Load.End()
	var last scalers.Rule
	const progressEvery = 4096
	n := 0
	for turn := range scenario.Turns(end - 1) {
		if n++; n%progressEvery == 0 {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if progress != nil {
				progress(float64(turn.At-start) / float64(end-start))
			}
		}
		if count := turn.Target.Current; len(t.Wanted) == 0 || t.Wanted[len(t.Wanted)-1].N != count {
			t.Wanted = append(t.Wanted, Step{turn.At, count})
		}
		if rule := lastRule(turn.Decision); rule != last {
			if last = rule; rule != scalers.RuleFormula {
				t.Marks = append(t.Marks, Mark{turn.At, rule, turn.Target.Current})
			}
		}
	}
	t.finish(m, demand)
	return t, nil
}

// lastRule returns the last rule that changed the count of a decision; RuleFormula when none did.
func lastRule(d *scalers.Decision) scalers.Rule {
	steps := d.Steps()
	if len(steps) == 0 {
		return scalers.RuleFormula
	}
	return steps[len(steps)-1].Rule
}
