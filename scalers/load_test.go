package scalers_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("merged entries hold longer by at most a slice, never shorter", testMergedEntriesHoldLongerByAtMostSliceNeverShorter)
	t.Run("memory is small under any load", testMemoryIsSmallUnderAnyLoad)
}

// loads is the number of loads, of a thousand readings each, in the tests below.
func loads() uint64 { return max(*timelines/300, 1) }

// load is a random series of readings.
type load struct {
	rand *rand.Rand
	at   scalers.Instant
	// pause is the longest time between two readings.
	pause time.Duration
	count int64
}

func newLoad(seed uint64, window time.Duration) *load {
	r := rand.New(rand.NewPCG(seed, 5))
	return &load{rand: r, at: epoch, pause: window / time.Duration(20+r.IntN(2000)), count: 1000 + r.Int64N(1_000_000)}
}

// next returns the count of the next reading. It falls or rises for long, and jumps sometimes.
func (l *load) next(falls bool) int32 {
	l.at = l.at.Add(1 + time.Duration(l.rand.Int64N(int64(l.pause))))
	step := 1 + l.rand.Int64N(50)
	if falls != (l.rand.IntN(8) == 0) {
		step = -step
	}
	if l.rand.IntN(300) == 0 {
		step *= 1000
	}
	l.count = min(max(l.count+step, 1), math.MaxInt32)
	return int32(l.count)
}

// testMergedEntriesHoldLongerByAtMostSliceNeverShorter compares the counts under loads that fill the windows with those that all
// recommendations would give, in a window of the same length and in one that is longer by a slice.
func testMergedEntriesHoldLongerByAtMostSliceNeverShorter(t *testing.T) {
	t.Parallel()
	bites := 0
	for seed := *firstSeed; seed < *firstSeed+loads(); seed++ {
		window := time.Duration(1+seed%7) * time.Minute
		p := &scalers.Policy{
			Min: 1, Max: math.MaxInt32, Idle: scalers.NoIdle, Up: scalers.Behavior{Window: window}, Down: scalers.Behavior{Window: window},
			Triggers: []scalers.Trigger{{Name: "a", Target: 1000, Exact: true}},
		}
		falls, l := seed%2 == 0, newLoad(seed, window)
		current := int32(1)
		if falls {
			current = math.MaxInt32
		}
		all := []scalers.Record{}
		var m scalers.Memory
		m.Seen = true
		for range 1000 {
			n := l.next(falls)
			all = append(all, scalers.Record{End: l.at, Count: n})
			d := scalers.Decide(p, scalers.Input{
				Now: l.at, Current: current, Memory: m, Events: []scalers.Event{{At: l.at, Value: scalers.Milli(n) * 1000, Current: current}},
			})
			m = d.Memory
			exact, latest := extreme(all, l.at, window, falls), extreme(all, l.at, window+window/62+1, falls)
			if d.Replicas < min(exact, latest) || d.Replicas > max(exact, latest) {
				t.Fatalf("load %d, at %s: got %d replicas, want %d to %d", seed, l.at.Sub(epoch), d.Replicas, exact, latest)
			}
			if d.Replicas != exact {
				bites++
			}
		}
	}
	if bites == 0 {
		t.Error("got no merge that changed a decision, want some")
	}
}

// extreme returns the highest recommendation in the window, or the lowest.
func extreme(all []scalers.Record, now scalers.Instant, window time.Duration, highest bool) int32 {
	out := all[len(all)-1].Count
	for _, r := range all {
		switch {
		case now.Sub(r.End) >= window:
		case highest:
			out = max(out, r.Count)
		default:
			out = min(out, r.Count)
		}
	}
	return out
}

// testMemoryIsSmallUnderAnyLoad fills all lists at once: windows of an hour, thousands of readings and writes a second, and
// triggers that fail.
func testMemoryIsSmallUnderAnyLoad(t *testing.T) {
	t.Parallel()
	most := 0
	for seed := *firstSeed; seed < *firstSeed+loads(); seed++ {
		p := plainPolicy(scalers.MaxTriggers)
		p.Max, p.Fallback = math.MaxInt32, &scalers.Fallback{FailureThreshold: math.MaxInt32, Interval: time.Second}
		for i := range p.Triggers[1:] {
			p.Triggers[1+i].Increment.Amount = int32(i % 2) // Every other one steps.
		}
		p.Up.Window, p.Down.Window = time.Hour, time.Hour
		p.Up.Policies = []scalers.RatePolicy{{Amount: math.MaxInt32, Period: 30 * time.Minute}}
		w, l := newWorkload(p, 1), newLoad(seed, time.Hour)
		if seed%3 == 0 {
			l.pause = time.Millisecond
		}
		for k := range 1000 {
			n := l.next(k%500 < 250)
			i := l.rand.IntN(len(w.events))
			w.read(i, l.at.Sub(epoch), reading{value: scalers.Milli(n) * 1000, failed: i > 0 && l.rand.IntN(10) > 0})
			w.decide(l.at.Sub(epoch))
			w.memory = w.memory.Recommended(p, l.at, n)
			text, err := w.memory.MarshalText()
			if most = max(most, len(text)); err != nil || len(text) > 4096 {
				t.Fatalf("load %d: MarshalText: got %d bytes, %v, want at most 4096", seed, len(text), err)
			}
		}
	}
	if most < 1500 {
		t.Errorf("got at most %d bytes, want 1500 or more: the lists were never full", most)
	}
}
