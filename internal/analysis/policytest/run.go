package policytest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

// Result is how one test went.
type Result struct {
	Test     *Test
	Failures []Failure
	// Changes counts how often the count was changed by us.
	Changes int
	// Moments are the decisions, where they were asked for; Omitted counts those that were too many to be kept.
	Moments []*Moment
	Omitted int
}

// Passed reports whether all that was expected held.
func (r *Result) Passed() bool { return len(r.Failures) == 0 }

// maxMoments bounds the decisions that are kept of one test.
const maxMoments = 10_000

// Failure is one expectation that did not hold.
type Failure struct {
	Line int `json:"line"`
	// At is when it did not hold for the first time, since t = 0.
	At string `json:"at"`
	// Expected and Got say what was expected, and what was the case instead.
	Expected string `json:"expected"`
	Got      string `json:"got"`
	// Readings are the latest ones then.
	Readings []string `json:"readings"`
	// Decision is the latest one then.
	Decision *Moment `json:"decision"`
}

// Run runs tests, several at a time, and returns the results in the order of the tests. With every, all decisions are kept
// in them. It ends early only with ctx, whose error it then returns.
func Run(ctx context.Context, tests []*Test, every bool) ([]Result, error) {
	results := make([]Result, len(tests))
	var (
		next    atomic.Int64
		workers sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), len(tests)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(tests) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				results[i] = tests[i].run(ctx, every)
			}
		})
	}
	workers.Wait()
	return results, ctx.Err()
}

// run lives through the test's world and judges each turn by what is expected while it holds.
func (t *Test) run(ctx context.Context, every bool) Result {
	result := Result{Test: t}
	failed := make([]bool, len(t.expectations))
	for turn := range t.world.Turns(t.end) {
		if ctx.Err() != nil {
			break
		}
		if every && turn.Decided {
			result.keep(t.world, turn)
		}
		if turn.Changed() {
			result.Changes++
			if t.changes != nil && result.Changes == t.changes.most+1 {
				result.Failures = append(result.Failures, t.tooMany(turn))
			}
		}
		for i := range t.expectations {
			if e := &t.expectations[i]; !failed[i] && t.concerns(e, turn) && !e.holds(t.world.Policy, turn) {
				failed[i] = true
				result.Failures = append(result.Failures, t.failure(e, turn))
			}
		}
	}
	slices.SortStableFunc(result.Failures, func(a, b Failure) int { return a.Line - b.Line })
	return result
}

// keep keeps a decision as it is shown.
func (r *Result) keep(w *engine.Scenario, turn *engine.Turn) {
	if len(r.Moments) == maxMoments {
		r.Omitted++
		return
	}
	r.Moments = append(r.Moments, moment(w, turn))
}

// concerns reports whether an expectation speaks of an instant at which a turn holds.
func (t *Test) concerns(e *Expectation, turn *engine.Turn) bool {
	from, to := t.world.Start.Add(e.From), t.world.Start.Add(e.To)
	return turn.At <= to && turn.Until > from
}

// holds reports whether what is expected is the case.
func (e *Expectation) holds(p *scalers.Policy, turn *engine.Turn) bool {
	d := turn.Decision
	switch {
	case e.Replicas != nil && *e.Replicas != turn.Target.Current:
		return false
	case e.Raw != nil && (d.Winner < 0 || *e.Raw != d.Raw):
		return false
	case e.Trigger != nil && (d.Winner < 0 || *e.Trigger != p.Triggers[d.Winner].Name):
		return false
	default:
		return e.LimitedBy == nil || slices.Equal(*e.LimitedBy, d.LimitedBy())
	}
}

// failure says what was expected and what was the case.
func (t *Test) failure(e *Expectation, turn *engine.Turn) Failure {
	m := moment(t.world, turn)
	at := max(turn.At.Sub(t.world.Start), e.From)
	return Failure{
		Line: e.Line, Expected: e.String(), Got: m.outcome(turn.Target.Current), At: scalers.Short(at), Readings: readings(t.world, turn), Decision: m,
	}
}

// tooMany says that the count was changed too often.
func (t *Test) tooMany(turn *engine.Turn) Failure {
	m := moment(t.world, turn)
	return Failure{
		Line: t.changes.line, Expected: fmt.Sprintf("maxChanges %d", t.changes.most), At: m.At, Readings: readings(t.world, turn), Decision: m,
		Got: fmt.Sprintf("one more, from %d to %d", turn.From, turn.Decision.Replicas),
	}
}

// Select returns the tests of which the predicate likes the name.
func Select(tests []*Test, likes func(name string) bool) []*Test {
	return slices.DeleteFunc(slices.Clone(tests), func(t *Test) bool { return !likes(t.Name) })
}

// Failed reports whether some test failed.
func Failed(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return !r.Passed() })
}
