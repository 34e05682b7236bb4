package loop

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// seeds is the number of random runs of each property.
const seeds = 400

// random runs an env of a random policy for a while: foreign writes, failures of every kind, readings late and out of order.
func random(t *testing.T, seed uint64, set func(*env)) *env {
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

func TestStepProperties(t *testing.T) {
	t.Parallel()
	t.Run("every write follows the decision, and is the only one in flight", func(t *testing.T) {
		t.Parallel()
		writes := 0
		for seed := range uint64(seeds) {
			leading := rand.New(rand.NewPCG(seed, 8))
			e := random(t, seed, func(e *env) {
				e.extra = func(_, until scalers.Instant) scalers.Instant { // Who leads changes now and then.
					e.mayWrite = leading.IntN(4) > 0
					return until
				}
			})
			for _, line := range e.log {
				if strings.Contains(line, "write ") {
					writes++
				}
			}
		}
		if writes < 10*seeds {
			t.Errorf("got %d writes in %d runs, want enough to show something", writes, seeds)
		}
	})
	t.Run("a step before WakeAt changes nothing", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(seeds) {
			sparse := random(t, seed, func(*env) {})
			dense := random(t, seed, func(e *env) {
				r := rand.New(rand.NewPCG(seed, 9))
				e.extra = func(from, until scalers.Instant) scalers.Instant {
					if r.IntN(3) == 0 {
						return until
					}
					return from + 1 + scalers.Instant(r.Int64N(int64(min(until-from, scalers.Instant(time.Second)))))
				}
			})
			if !slices.Equal(sparse.log, dense.log) {
				i := 0
				for i < min(len(sparse.log), len(dense.log)) && sparse.log[i] == dense.log[i] {
					i++
				}
				t.Fatalf("seed %d: with extra steps got from line %d on\n%s\nwant\n%s", seed, i, strings.Join(dense.log[max(i-3, 0):], "\n"), strings.Join(sparse.log[max(i-3, 0):], "\n"))
			}
		}
	})
	t.Run("a run comes to rest at the count of the newest levels", func(t *testing.T) {
		t.Parallel()
		for seed := range uint64(seeds) {
			e := random(t, seed, func(*env) {})
			e.run(e.now.Add(time.Minute))
			e.hpa = ""
			e.changed(0)
			want := int32(1)
			for i := range e.state.readings {
				level := e.r.Int32N(11)
				want = max(want, level)
				e.reads(i, e.now, scalers.Event{At: e.now, Value: scalers.Milli(level) * 1000})
			}
			e.run(e.now.Add(30 * time.Minute))
			if got := e.target.Replicas; got != want {
				t.Errorf("seed %d: after half an hour of peace the target has %d replicas, want %d", seed, got, want)
			}
		}
	})
}
