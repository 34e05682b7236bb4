package status

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
)

func TestSilent(t *testing.T) {
	t.Run("a slightly different decision with the same outcome writes nothing", testSlightlyDifferentDecisionWithSameOutcomeWritesNothing)
	t.Run("slightly different decisions of a dry run are not logged", testSlightlyDifferentDecisionsOfDryRunAreNotLogged)
	t.Run("slightly different decisions of a shadow write nothing", testSlightlyDifferentDecisionsOfShadowWriteNothing)
}

// interval is the time between two readings.
const interval = 5 * time.Second

// setWorkload gives the env a workload with n triggers and this count, and returns its policy.
func (d *env) setWorkload(n int, count int32) *scalers.Policy {
	d.current = count
	d.spec.Triggers, d.spec.Policy.Triggers = nil, nil
	for i := range n {
		name := string(rune('a' + i))
		d.spec.Triggers = append(d.spec.Triggers, compile.Trigger{Name: name})
		d.spec.Policy.Triggers = append(d.spec.Policy.Triggers, scalers.Trigger{Name: name, Target: 10_000, StaleAfter: time.Hour})
	}
	return d.spec.Policy
}

// reportLevels reports the decision on a level of each trigger, writes its count, and lets an interval pass.
func (d *env) reportLevels(levels ...int64) *scalers.Decision {
	d.t.Helper()
	events := make([]scalers.Event, len(levels))
	now := scalers.InstantOf(time.Now())
	for i, level := range levels {
		name := d.spec.Triggers[i].Name
		events[i] = scalers.Event{Trigger: name, At: now, Value: scalers.Milli(level * 1000), Current: d.current, Ready: d.current}
	}
	return d.reportDecision(d.reporter, events)
}

// reportDecision reports the decision on readings, writes its count, and lets an interval pass.
func (d *env) reportDecision(to autoscaler.Reporter, events []scalers.Event) *scalers.Decision {
	now := scalers.InstantOf(time.Now())
	decision := scalers.Decide(d.spec.Policy, scalers.Input{Now: now, Current: d.current, Events: events, Memory: d.memory})
	d.memory = decision.Memory
	outcome := autoscaler.Outcome{
		Workload: d.spec, At: now, Events: events, Decision: &decision, Decided: true, Fresh: true, From: d.current,
		Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: d.current}}, TargetKnown: true, Memory: &d.memory,
	}
	to.Decided(&outcome)
	if decision.Replicas != d.current && !d.spec.DryRun {
		d.memory = d.memory.Scaled(d.spec.Policy, now, d.current, decision.Replicas)
		outcome.Fresh, outcome.Target.Scale.Replicas = false, decision.Replicas
		outcome.Write = &loop.EndedWrite{
			From: d.current, To: decision.Replicas, Stored: decision.Replicas, Decision: &decision, Policy: d.spec.Policy, Latency: -1,
		}
		d.current = decision.Replicas
		to.Decided(&outcome)
	}
	<-time.After(interval)
	synctest.Wait()
	return &decision
}

// written returns the number of statuses that were written.
func (d *env) written() int {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	return len(d.store.saved)
}

// variation is a workload whose levels vary without changing its count.
type variation struct {
	triggers int
	count    int32
	policy   func(*scalers.Policy)
	// levels of each trigger are between the first two, or between the other two every second time or so.
	levels [4]int64
}

// tenPercent is a tolerance of 10 %.
const tenPercent = 100_000

// variations returns cases in which rules, winners and the raw count change while the count stays.
func variations() map[string]variation {
	type policy = func(*scalers.Policy)
	tolerant := func(p *scalers.Policy) { p.Up.Tolerance, p.Down.Tolerance = tenPercent, tenPercent }
	down := func(window time.Duration) policy { return func(p *scalers.Policy) { p.Down.Window = window } }
	up := func(window time.Duration) policy { return func(p *scalers.Policy) { p.Up.Window = window } }
	within := func(least, most int32) policy { return func(p *scalers.Policy) { p.Min, p.Max = least, most } }
	idle := func(p *scalers.Policy) { p.Min, p.Idle, p.Triggers[0].Activation = 0, 0, 50_000 }
	all := func(all ...policy) policy {
		return func(p *scalers.Policy) {
			for _, f := range all {
				f(p)
			}
		}
	}
	const long, short = time.Hour, 5 * time.Minute
	return map[string]variation{
		"within a tolerance":                    {1, 10, tolerant, [4]int64{95, 105, 95, 105}},
		"at the edges of a tolerance":           {1, 10, all(tolerant, within(1, 99), down(short), up(short)), [4]int64{85, 90, 110, 115}},
		"above the maximum":                     {1, 10, down(short), [4]int64{110, 250, 110, 250}},
		"around the maximum":                    {1, 10, all(tolerant, down(short)), [4]int64{85, 110, 111, 135}},
		"around the maximum without a window":   {1, 10, tolerant, [4]int64{91, 110, 111, 135}},
		"below the minimum":                     {1, 3, within(3, 10), [4]int64{1, 15, 5, 10}},
		"around the minimum":                    {1, 3, within(3, 10), [4]int64{1, 20, 21, 30}},
		"around the minimum with a window":      {1, 3, all(within(3, 10), down(short)), [4]int64{1, 20, 21, 30}},
		"of alternating winners":                {2, 10, down(short), [4]int64{81, 90, 91, 100}},
		"of alternating winners at the maximum": {2, 10, all(tolerant, down(short)), [4]int64{85, 105, 110, 135}},
		"held by a scale-down window":           {1, 10, down(long), [4]int64{40, 50, 51, 60}},
		"held by a scale-down window at times":  {1, 10, down(short), [4]int64{40, 60, 91, 100}},
		"held by a scale-up window at times":    {1, 5, all(down(long), up(long)), [4]int64{30, 50, 51, 90}},
		"of an idle trigger":                    {1, 0, idle, [4]int64{0, 0, 5, 40}},
	}
}

// next returns a random level for each trigger.
func (w *variation) next(r *rand.Rand) []int64 {
	levels := make([]int64, w.triggers)
	for i := range levels {
		from, to := w.levels[0], w.levels[1]
		if r.IntN(2) == 0 {
			from, to = w.levels[2], w.levels[3]
		}
		levels[i] = from + r.Int64N(to-from+1)
	}
	return levels
}

// run reports varying levels. It returns the number of statuses that were written in the first five minutes, and in the 50 minutes
// after.
func (w *variation) run(d *env, r *rand.Rand) (first, more int) {
	d.t.Helper()
	w.policy(d.setWorkload(w.triggers, w.count))
	read := func(times int) int {
		before := d.written()
		for range times {
			levels := w.next(r)
			if got := d.reportLevels(levels...).Replicas; got != w.count {
				d.t.Fatalf("levels %v: %d replicas, want %d whatever the levels", levels, got, w.count)
			}
		}
		return d.written() - before
	}
	return read(60), read(600)
}

func testSlightlyDifferentDecisionWithSameOutcomeWritesNothing(t *testing.T) {
	for name, w := range variations() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
					// Each limit occurs in the first minutes and is reported then. One more status may be written for the memory of a restart.
					first, more := w.run(d, rand.New(rand.NewPCG(seed, 1)))
					if first > 6 || more > 0 {
						t.Errorf("seed %d: %d statuses, want at most 6, and %d more with the same outcome, want none", seed, first, more)
					}
					if past := d.reporter.objects["shop/web"].history.past; len(past) > first {
						t.Errorf("seed %d: the history has %d entries, and %d statuses were written", seed, len(past), first)
					}
				})
			}
		})
	}
}

func testSlightlyDifferentDecisionsOfDryRunAreNotLogged(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		var log bytes.Buffer
		d.reporter.log = slog.New(slog.NewTextHandler(&log, nil))
		d.spec.DryRun = true
		p := d.setWorkload(2, 3)
		p.Down.Window, p.Up.Window = 5*time.Minute, 0
		r := rand.New(rand.NewPCG(1, 1))
		for range 300 {
			d.reportLevels(91+r.Int64N(30), 91+r.Int64N(30)) // At or above the maximum, 10.
		}
		if n := strings.Count(log.String(), "would scale"); n > 3 {
			t.Errorf("%d lines log that a dry run would scale to the same count, want at most 3", n)
		}
	})
}

func testSlightlyDifferentDecisionsOfShadowWriteNothing(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Shadow = d.spec
		d.reportLevels(30)
		shadow, spec, policy := *d, *d.spec, *d.spec.Policy
		spec.Policy, shadow.spec = &policy, &spec
		shadow.setWorkload(2, 10).Down.Window = 5 * time.Minute
		r := rand.New(rand.NewPCG(1, 1))
		begun := 0
		for n := range 300 {
			if n == 60 {
				begun = d.written()
			}
			now := scalers.InstantOf(time.Now())
			events := make([]scalers.Event, 2)
			for i := range events {
				events[i] = scalers.Event{At: now, Value: scalers.Milli(81_000 + r.Int64N(40_000)), Current: 10, Ready: 10}
			}
			shadow.reportDecision(d.reporter.Shadow(), events)
		}
		if more := d.written() - begun; begun > 6 || more > 0 {
			t.Errorf("a shadow stays at 10: %d statuses, want at most 6, and %d more, want none", begun, more)
		}
	})
}
