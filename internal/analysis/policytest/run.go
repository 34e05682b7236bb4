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

// Result is the result of one test.
type Result struct {
	Test     *Test
	Failures []Failure
	// Changes is the number of times that Impulse changed the count; writes of other clients are not included.
	Changes int
	// Decisions are all decisions, when Run was called with every; Omitted is the number of those above maxDecisions.
	Decisions []*Decision
	Omitted   int
}

// Passed reports whether every expectation was met.
func (r *Result) Passed() bool { return len(r.Failures) == 0 }

// maxDecisions bounds the decisions of one result.
const maxDecisions = 10_000

// Failure is an expectation that was not met.
type Failure struct {
	Line int `json:"line"`
	// At is the first instant at which it was not met, since t = 0.
	At string `json:"at"`
	// Expected and Got describe the expectation and the outcome.
	Expected string `json:"expected"`
	Got      string `json:"got"`
	// Readings are the latest readings at that instant.
	Readings []string `json:"readings"`
	// Decision is the latest decision at that instant.
	Decision *Decision `json:"decision"`
}

// Run runs tests, several at a time, and returns the results in the order of the tests. With every, the results have all decisions.
// It ends early only when ctx is done, and then returns its error.
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

// run runs the test's scenario, and compares each turn with the expectations on its time.
func (t *Test) run(ctx context.Context, every bool) Result {
	result := Result{Test: t}
	failed := make([]bool, len(t.expectations))
	for turn := range t.scenario.Turns(t.end) {
		if ctx.Err() != nil {
			break
		}
		if every && turn.Decided {
			result.store(t.scenario, turn)
		}
		if turn.Changed() {
			result.Changes++
			if t.changes != nil && result.Changes == t.changes.most+1 {
				result.Failures = append(result.Failures, t.tooMany(turn))
			}
		}
		for i := range t.expectations {
			if e := &t.expectations[i]; !failed[i] && t.covers(e, turn) && !e.met(t.scenario.Policy, turn) {
				failed[i] = true
				result.Failures = append(result.Failures, t.failure(e, turn))
			}
		}
	}
	slices.SortStableFunc(result.Failures, func(a, b Failure) int { return a.Line - b.Line })
	return result
}

// store adds a decision, up to the bound.
func (r *Result) store(w *engine.Scenario, turn *engine.Turn) {
	if len(r.Decisions) == maxDecisions {
		r.Omitted++
		return
	}
	r.Decisions = append(r.Decisions, decisionOf(w, turn))
}

// covers reports whether an expectation is about an instant of a turn.
func (t *Test) covers(e *Expectation, turn *engine.Turn) bool {
	from, to := t.scenario.Start.Add(e.From), t.scenario.Start.Add(e.To)
	return turn.At <= to && turn.Until > from
}

// met reports whether a turn meets the expectation.
func (e *Expectation) met(p *scalers.Policy, turn *engine.Turn) bool {
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

// failure returns the failure of an expectation at a turn.
func (t *Test) failure(e *Expectation, turn *engine.Turn) Failure {
	m := decisionOf(t.scenario, turn)
	at := max(turn.At.Sub(t.scenario.Start), e.From)
	return Failure{
		Line: e.Line, Expected: e.String(), Got: m.outcome(turn.Target.Current), At: scalers.Short(at), Readings: readings(t.scenario, turn), Decision: m,
	}
}

// tooMany returns the failure of maxChanges at a turn.
func (t *Test) tooMany(turn *engine.Turn) Failure {
	m := decisionOf(t.scenario, turn)
	return Failure{
		Line: t.changes.line, Expected: fmt.Sprintf("maxChanges %d", t.changes.most), At: m.At, Readings: readings(t.scenario, turn), Decision: m,
		Got: fmt.Sprintf("one more, from %d to %d", turn.From, turn.Decision.Replicas),
	}
}

// Select returns the tests whose name matches.
func Select(tests []*Test, matches func(name string) bool) []*Test {
	return slices.DeleteFunc(slices.Clone(tests), func(t *Test) bool { return !matches(t.Name) })
}

// Failed reports whether a test failed.
func Failed(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return !r.Passed() })
}
