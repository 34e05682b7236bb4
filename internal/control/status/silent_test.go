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

// has makes an env's workload one of n triggers with a count.
func (d *env) has(n int, count int32) *scalers.Policy {
	d.current = count
	d.spec.Triggers, d.spec.Policy.Triggers = nil, nil
	for i := range n {
		name := string(rune('a' + i))
		d.spec.Triggers = append(d.spec.Triggers, compile.Trigger{Name: name})
		d.spec.Policy.Triggers = append(d.spec.Policy.Triggers, scalers.Trigger{Name: name, Target: 10_000, StaleAfter: time.Hour})
	}
	return d.spec.Policy
}

// reads reports the decision on a level of each trigger, and the write that it calls for; the next reading comes an interval later.
func (d *env) reads(levels ...int64) *scalers.Decision {
	d.t.Helper()
	events := make([]scalers.Event, len(levels))
	now := scalers.InstantOf(time.Now())
	for i, level := range levels {
		name := d.spec.Triggers[i].Name
		events[i] = scalers.Event{Trigger: name, At: now, Value: scalers.Milli(level * 1000), Current: d.current, Ready: d.current}
	}
	return d.decides(d.reporter, events)
}

// decides reports the decision on readings, and the write that it calls for, and lets an interval pass.
func (d *env) decides(to autoscaler.Reporter, events []scalers.Event) *scalers.Decision {
	now := scalers.InstantOf(time.Now())
	decision := scalers.Decide(d.spec.Policy, scalers.Input{Now: now, Current: d.current, Events: events, Memory: d.memory})
	d.memory = decision.Memory
	moment := autoscaler.Outcome{
		Workload: d.spec, At: now, Events: events, Decision: &decision, Decided: true, Fresh: true, From: d.current,
		Target: actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: d.current}}, TargetKnown: true, Memory: &d.memory,
	}
	to.Decided(&moment)
	if decision.Replicas != d.current && !d.spec.DryRun {
		d.memory = d.memory.Scaled(d.spec.Policy, now, d.current, decision.Replicas)
		moment.Fresh, moment.Target.Scale.Replicas = false, decision.Replicas
		moment.Write = &loop.EndedWrite{
			From: d.current, To: decision.Replicas, Stored: decision.Replicas, Decision: &decision, Policy: d.spec.Policy, Latency: -1,
		}
		d.current = decision.Replicas
		to.Decided(&moment)
	}
	<-time.After(interval)
	synctest.Wait()
	return &decision
}

// written is how many statuses were.
func (d *env) written() int {
	d.store.mu.Lock()
	defer d.store.mu.Unlock()
	return len(d.store.saved)
}

// wobble is a workload whose count stays what it is, whatever its load does within bounds.
type wobble struct {
	triggers int
	count    int32
	policy   func(*scalers.Policy)
	// levels of each trigger are between the first two, or between the other two every second time or so.
	levels [4]int64
}

// tenPercent is a tolerance.
const tenPercent = 100_000

// wobbles are what makes rules, winners and raw flip under the same count.
func wobbles() map[string]wobble {
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
	return map[string]wobble{
		"within a tolerance":                  {1, 10, tolerant, [4]int64{95, 105, 95, 105}},
		"at the edges of a tolerance":         {1, 10, all(tolerant, within(1, 99), down(short), up(short)), [4]int64{85, 90, 110, 115}},
		"above a ceiling":                     {1, 10, down(short), [4]int64{110, 250, 110, 250}},
		"across a ceiling":                    {1, 10, all(tolerant, down(short)), [4]int64{85, 110, 111, 135}},
		"across a ceiling without a window":   {1, 10, tolerant, [4]int64{91, 110, 111, 135}},
		"below a floor":                       {1, 3, within(3, 10), [4]int64{1, 15, 5, 10}},
		"across a floor":                      {1, 3, within(3, 10), [4]int64{1, 20, 21, 30}},
		"across a floor with a window":        {1, 3, all(within(3, 10), down(short)), [4]int64{1, 20, 21, 30}},
		"of alternating winners":              {2, 10, down(short), [4]int64{81, 90, 91, 100}},
		"of alternating winners at a ceiling": {2, 10, all(tolerant, down(short)), [4]int64{85, 105, 110, 135}},
		"under a holding window":              {1, 10, down(long), [4]int64{40, 50, 51, 60}},
		"in and out of a holding window":      {1, 10, down(short), [4]int64{40, 60, 91, 100}},
		"in and out of a scale-up window":     {1, 5, all(down(long), up(long)), [4]int64{30, 50, 51, 90}},
		"of an idle trigger":                  {1, 0, idle, [4]int64{0, 0, 5, 40}},
	}
}

// next is a level of each trigger.
func (w *wobble) next(r *rand.Rand) []int64 {
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

// lives lets a workload wobble, and returns how many statuses are written for the first minutes, and how many for the hour after.
func (w *wobble) lives(d *env, r *rand.Rand) (first, more int) {
	d.t.Helper()
	w.policy(d.has(w.triggers, w.count))
	read := func(times int) int {
		before := d.written()
		for range times {
			levels := w.next(r)
			if got := d.reads(levels...).Replicas; got != w.count {
				d.t.Fatalf("on %v it is %d, and the case is meant to stay at %d", levels, got, w.count)
			}
		}
		return d.written() - before
	}
	return read(60), read(600)
}

func testSlightlyDifferentDecisionWithSameOutcomeWritesNothing(t *testing.T) {
	for name, w := range wobbles() {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				at(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
					// What limits turns up at once and has been reported then, and one status more may be for a restart.
					first, more := w.lives(d, rand.New(rand.NewPCG(seed, 1)))
					if first > 6 || more > 0 {
						t.Errorf("seed %d: %d statuses, want at most 6, and %d more with the same outcome", seed, first, more)
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
	at(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		var log bytes.Buffer
		d.reporter.log = slog.New(slog.NewTextHandler(&log, nil))
		d.spec.DryRun = true
		p := d.has(2, 3)
		p.Down.Window, p.Up.Window = 5*time.Minute, 0
		r := rand.New(rand.NewPCG(1, 1))
		for range 300 {
			d.reads(91+r.Int64N(30), 91+r.Int64N(30)) // At or above the maximum, 10.
		}
		if n := strings.Count(log.String(), "would scale"); n > 3 {
			t.Errorf("%d lines say that it would scale to the same count", n)
		}
	})
}

func testSlightlyDifferentDecisionsOfShadowWriteNothing(t *testing.T) {
	at(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		d.spec.Shadow = d.spec
		d.reads(30)
		shadow, spec, policy := *d, *d.spec, *d.spec.Policy
		spec.Policy, shadow.spec = &policy, &spec
		shadow.has(2, 10).Down.Window = 5 * time.Minute
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
			shadow.decides(d.reporter.Shadow(), events)
		}
		if more := d.written() - begun; begun > 6 || more > 0 {
			t.Errorf("%d statuses, and %d more, for a shadow that stays at 10", begun, more)
		}
	})
}
