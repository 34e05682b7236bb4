package status

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

func TestRestart(t *testing.T) {
	t.Run("a leader that restores a status lowers nothing that the last one held", testLeaderThatRestoresStatusLowersNothingThatLastOneHeld)
	t.Run("a hold that begins is stored", testHoldThatBeginsIsStored)
	t.Run("a step that begins at the maximum is stored", testStepThatBeginsAtMaximumIsStored)
	t.Run("an unreadable memory is replaced", testUnreadableMemoryIsReplaced)
}

// leader decides on a workload.
type leader struct {
	policy  *scalers.Policy
	memory  scalers.Memory
	current int32
}

// decide decides on a level, and applies the decision.
func (l *leader) decide(now scalers.Instant, level int64) int32 {
	events := []scalers.Event{{At: now, Value: scalers.Milli(level * 1000), Current: l.current, Ready: l.current}}
	d := scalers.Decide(l.policy, scalers.Input{Now: now, Current: l.current, Events: events, Memory: l.memory})
	l.memory = d.Memory.Scaled(l.policy, now, l.current, d.Replicas)
	l.current = d.Replicas
	return d.Replicas
}

// levels gives random levels: mostly within a band, which moves now and then.
type levels struct {
	*rand.Rand
	low, width int64
}

func (r *levels) next() int64 {
	if r.IntN(12) == 0 {
		r.low, r.width = r.Int64N(15), 1+r.Int64N(6)
	}
	return r.low + r.Int64N(r.width)
}

// A variation that does not change the outcome is not written. A leader that restores the status must still lower no count that the
// last leader would have held.
func testLeaderThatRestoresStatusLowersNothingThatLastOneHeld(t *testing.T) {
	for seed := range uint64(300) {
		in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
			r := &levels{Rand: rand.New(rand.NewPCG(seed, 7)), low: 5, width: 5}
			p := d.setWorkload(1, 5)
			p.Triggers[0].Target, p.Triggers[0].Exact = 1000, true
			p.Max, p.Down.Window = 12, time.Duration(10+r.IntN(50))*time.Second
			var past []string
			for range 10 + r.IntN(40) {
				level := r.next()
				past = append(past, fmt.Sprint(level, "→", d.reportLevels(level).Replicas))
			}
			now := scalers.InstantOf(time.Now())
			last := leader{p, d.memory.Clone(), d.current}
			next := leader{policy: p, current: d.current}
			if err := next.memory.UnmarshalText([]byte(d.last().Memory)); err != nil {
				t.Fatal(err)
			}
			next.memory = next.memory.Resume(now)
			for range 30 {
				level := r.next()
				want, got := last.decide(now, level), next.decide(now, level)
				past = append(past, fmt.Sprint(level, "→", want))
				if got < want {
					t.Fatalf("seed %d, a window of %s: after %v the next leader has %d, the last one %d", seed, p.Down.Window, past, got, want)
				}
				now = now.Add(interval)
			}
		})
	}
}

func testHoldThatBeginsIsStored(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		p := d.setWorkload(1, 10)
		p.Down.Window = time.Minute
		d.reportLevels(100)
		began := time.Now()
		d.reportLevels(50)
		next := leader{policy: p, current: 10}
		if err := next.memory.UnmarshalText([]byte(d.last().Memory)); err != nil {
			t.Fatal(err)
		}
		next.memory = next.memory.Resume(scalers.InstantOf(began.Add(20 * time.Second)))
		end := began.Add(-interval).Add(time.Minute)
		if got := next.decide(scalers.InstantOf(end.Add(-time.Millisecond)), 50); got != 10 {
			t.Errorf("a millisecond before the end of the window the next leader decides %d, want 10", got)
		}
		if got := next.decide(scalers.InstantOf(end), 50); got != 5 {
			t.Errorf("at the end of the window the next leader decides %d, want 5", got)
		}
	})
}

func testStepThatBeginsAtMaximumIsStored(t *testing.T) {
	in(t, &v1alpha1.ScaledObjectStatus{}, func(t *testing.T, d *env) {
		p := d.setWorkload(2, 10)
		p.Triggers[1] = scalers.Trigger{Name: "b", Target: 1000, Exact: true, Increment: scalers.Increment{Amount: 2}, StaleAfter: time.Hour}
		d.reportLevels(130, 0)
		n := d.written()
		d.reportLevels(130, 1)
		if got := d.written(); got != n+1 {
			t.Errorf("a step began and did not raise the count: %d statuses were written, want 1", got-n)
		}
		var m scalers.Memory
		if err := m.UnmarshalText([]byte(d.last().Memory)); err != nil || len(m.Bases) != 1 || m.Bases[0].Replicas != 13 {
			t.Errorf("the memory has the bases %v (error %v), want one of 13", m.Bases, err)
		}
	})
}

func testUnreadableMemoryIsReplaced(t *testing.T) {
	var before *v1alpha1.ScaledObjectStatus
	in(t, &v1alpha1.ScaledObjectStatus{}, func(_ *testing.T, d *env) {
		d.spec.Policy.Down.Window = time.Minute
		before = d.reportLevel(30, nil)
	})
	before.Memory = "torn"
	in(t, before, func(_ *testing.T, d *env) {
		d.spec.Policy.Down.Window = time.Minute
		d.reportLevel(30, nil)
		d.expectWrites(1)
	})
}
