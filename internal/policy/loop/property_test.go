package loop

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestProperty(t *testing.T) {
	t.Parallel()
	t.Run("step properties", testStepProperties)
}

// seeds is the number of random runs for each property.
const seeds = 400

// runRandom runs an env with a random policy: foreign writes, failures of every kind, and readings that are late or out of order.
func runRandom(t *testing.T, seed uint64, set func(*env)) *env {
	t.Helper()
	choice := rand.New(rand.NewPCG(seed, 6))
	p := policy(1 + choice.IntN(3))
	p.Down.Window = time.Duration(choice.IntN(2)) * 17 * time.Second
	p.Up.Policies = []scalers.RatePolicy{{Amount: 3, Period: 13 * time.Second}}[:choice.IntN(2)]
	for i := range p.Triggers {
		p.Triggers[i].Continuous = choice.IntN(2) == 0
	}
	e := newEnv(t, seed, p, ClusterPacing())
	set(e)
	for range 60 {
		e.disturb()
		e.run(e.now.Add(time.Duration(choice.IntN(1500)) * time.Millisecond))
	}
	return e
}

func testStepProperties(t *testing.T) {
	t.Parallel()
	for name, property := range map[string]func(t *testing.T, seed uint64) *env{
		"every write follows the decision, and is the only one in flight": checkWrites,
		"a step before WakeAt changes nothing":                            checkExtraSteps,
		"a run comes to rest at the count of the newest levels":           checkFinalCount,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			writes := 0
			for seed := range uint64(seeds) {
				for _, line := range property(t, seed).log {
					if strings.Contains(line, "write ") {
						writes++
					}
				}
			}
			if writes < 10*seeds {
				t.Errorf("got %d writes in %d runs, want enough to show something", writes, seeds)
			}
		})
	}
}

// checkWrites checks each write of a run in which the leader changes now and then, with env.check.
func checkWrites(t *testing.T, seed uint64) *env {
	t.Helper()
	leading := rand.New(rand.NewPCG(seed, 8))
	return runRandom(t, seed, func(e *env) {
		e.extra = func(_, until scalers.Instant) scalers.Instant {
			e.mayWrite = leading.IntN(4) > 0
			return until
		}
	})
}

// checkExtraSteps compares a run with one that has more steps, at random instants.
func checkExtraSteps(t *testing.T, seed uint64) *env {
	t.Helper()
	e := runRandom(t, seed, func(*env) {})
	want := e.log
	got := runRandom(t, seed, func(e *env) {
		r := rand.New(rand.NewPCG(seed, 9))
		e.extra = func(from, until scalers.Instant) scalers.Instant {
			if r.IntN(3) == 0 {
				return until
			}
			return from + 1 + scalers.Instant(r.Int64N(int64(min(until-from, scalers.Instant(time.Second)))))
		}
	}).log
	if slices.Equal(got, want) {
		return e
	}
	same := 0
	for same < min(len(got), len(want)) && got[same] == want[same] {
		same++
	}
	same = max(same-3, 0)
	t.Fatalf("seed %d: with extra steps got\n%s\nwant\n%s", seed, strings.Join(got[same:], "\n"), strings.Join(want[same:], "\n"))
	return e
}

// checkFinalCount checks the count some time after a run, when no other client writes any more.
func checkFinalCount(t *testing.T, seed uint64) *env {
	t.Helper()
	e := runRandom(t, seed, func(*env) {})
	e.run(e.now.Add(time.Minute))
	e.hpa = ""
	e.observe(0)
	want := int32(1)
	for i := range e.state.readings {
		level := e.r.Int32N(11)
		want = max(want, level)
		e.scheduleReading(i, e.now, scalers.Event{At: e.now, Value: scalers.Milli(level) * 1000})
	}
	e.run(e.now.Add(30 * time.Minute))
	if got := e.target.Replicas; got != want {
		t.Errorf("seed %d: half an hour later the target has %d replicas, want %d", seed, got, want)
	}
	return e
}
