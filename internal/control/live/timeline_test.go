package live

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestTimeline(t *testing.T) {
	t.Run("merged points have the extremes of their time, and cover little of it", testMergedPointsHaveExtremes)
	t.Run("a count that lasts is not overwritten by the ones before it", testCountThatLastsIsNotOverwritten)
	t.Run("the number of points is bounded for a day of any changes", testNumberOfPointsIsBounded)
	t.Run("nothing is lost as long as there is space", testNothingIsLostAsLongAsThereIsSpace)
	t.Run("an unchanged point takes no space and no time", testUnchangedPointTakesNoSpace)
}

// sample is one point as it was added.
type sample struct {
	at     tick
	demand int32
	levels []float32
	count  count
}

// randomWalk adds points, each of which differs from the one before it, for a day at a random pace, and returns all of them.
func randomWalk(random *rand.Rand, l *levels, c *counts) []sample {
	var all []sample
	at, pace := tick(0), 1+random.IntN(3000)
	for at < horizon+horizon/4 {
		at += tick(1 + random.IntN(pace))
		if random.IntN(50) == 0 {
			pace = 1 + random.IntN(3000)
		}
		s := sample{at: at, demand: int32(random.IntN(9)*2+len(all)%2) - 1, levels: []float32{float32(random.IntN(1000)), float32(random.IntN(3))}}
		var unknown uint32
		for i := range s.levels {
			if random.IntN(5) == 0 {
				s.levels[i] = float32(math.NaN())
				unknown |= 1 << i
			}
		}
		n := int32(random.IntN(20)) - 1
		s.count = count{replicas: n, lowest: n, desired: int32(random.IntN(20)*2 + len(all)%2), shadow: unknownCount, limit: scalers.Rule(random.IntN(3)), blocked: random.IntN(9) == 0}
		l.add(s.at, s.demand, unknown, s.levels)
		c.add(s.at, s.count)
		all = append(all, s)
	}
	return all
}

func testMergedPointsHaveExtremes(t *testing.T) {
	for seed := range uint64(20) {
		l, c := levels{triggers: []string{"a", "b"}}, counts{}
		all := randomWalk(rand.New(rand.NewPCG(seed, 1)), &l, &c)
		now := all[len(all)-1].at
		expectCover(t, fmt.Sprintf("seed %d, levels", seed), l.timeline, all, now)
		for i := range l.timeline {
			demand, unknown, values := expectedLevels(within(all, l.timeline, i))
			if l.demand[i] != demand || l.unknown[i] != unknown || !sameLevel(l.at(i)[0], values[0]) || !sameLevel(l.at(i)[1], values[1]) {
				t.Fatalf("seed %d, point %d: got %d %b %v, want %d %b %v", seed, i, l.demand[i], l.unknown[i], l.at(i), demand, unknown, values)
			}
		}
		expectCover(t, fmt.Sprintf("seed %d, counts", seed), c.timeline, all, now)
		for i := range c.timeline {
			if got, want := c.all[i], expectedCount(within(all, c.timeline, i)); got != want {
				t.Fatalf("seed %d, point %d: got %+v, want %+v", seed, i, got, want)
			}
		}
	}
}

// within returns the samples that began during point i.
func within(all []sample, at timeline, i int) []sample {
	var some []sample
	for _, s := range all {
		if s.at >= at[i] && (i+1 == len(at) || s.at < at[i+1]) {
			some = append(some, s)
		}
	}
	return some
}

// expectCover fails the test unless the points cover the last day, and each merged one covers at most the promised part of its age.
func expectCover(t *testing.T, what string, at timeline, all []sample, now tick) {
	t.Helper()
	first := 0 // The sample that was in effect at the horizon.
	for first+1 < len(all) && all[first+1].at+horizon <= now {
		first++
	}
	if at[0] > all[first].at {
		t.Fatalf("%s: the first point begins at %d, want %d or before", what, at[0], all[first].at)
	}
	for i := range at {
		if i+1 == len(at) || len(within(all, at, i)) == 1 {
			continue
		}
		if length, most := at[i+1]-at[i], max(shortest, (now-at[i+1])/precision); length > most {
			t.Fatalf("%s: a merged point of age %d covers %d, want %d at most", what, now-at[i+1], length, most)
		}
	}
}

// expectedLevels merges the levels of samples, in the plainest way.
func expectedLevels(some []sample) (demand int32, unknown uint32, values []float32) {
	demand, values = noDemand, []float32{float32(math.NaN()), float32(math.NaN())}
	for _, s := range some {
		demand = max(demand, s.demand)
		for j, level := range s.levels {
			if isNaN(level) {
				unknown |= 1 << j
			} else if isNaN(values[j]) || level > values[j] {
				values[j] = level
			}
		}
	}
	return demand, unknown, values
}

// expectedCount merges the counts of samples, in the plainest way.
func expectedCount(some []sample) count {
	c := count{replicas: unknownCount, lowest: unknownCount, desired: unknownCount, shadow: unknownCount}
	for _, s := range some {
		c.replicas, c.desired, c.blocked = max(c.replicas, s.count.replicas), max(c.desired, s.count.desired), c.blocked || s.count.blocked
		if s.count.limit != scalers.RuleFormula {
			c.limit = s.count.limit
		}
		if s.count.lowest != unknownCount && (c.lowest == unknownCount || s.count.lowest < c.lowest) {
			c.lowest = s.count.lowest
		}
	}
	return c
}

func testCountThatLastsIsNotOverwritten(t *testing.T) {
	var c counts
	c.add(0, count{replicas: 50, lowest: 50})
	c.add(10, count{replicas: 1, lowest: 1}) // For hours.
	at := tick(6 * 60 * 60 * 10)
	for i := range tick(1000) {
		c.add(at+i*50, count{replicas: int32(2 + i%2), lowest: int32(2 + i%2)})
	}
	if c.timeline[1] != 10 || c.all[1].replicas != 1 {
		t.Errorf("got the counts %+v at %v, want 1 for hours", c.all[:3], c.timeline[:3])
	}
}

func testNumberOfPointsIsBounded(t *testing.T) {
	for seed := range uint64(20) {
		l, c := levels{triggers: []string{"a", "b"}}, counts{}
		randomWalk(rand.New(rand.NewPCG(seed, 2)), &l, &c)
		if len(l.timeline) > maxPoints || cap(l.timeline) > maxPoints || cap(l.values) > 2*maxPoints || cap(c.all) > maxPoints {
			t.Errorf("seed %d: got %d points, capacities %d, %d and %d, want %d and twice that at most", seed, len(l.timeline), cap(l.timeline), cap(l.values), cap(c.all), maxPoints)
		}
	}
}

func testNothingIsLostAsLongAsThereIsSpace(t *testing.T) {
	var c counts
	for i := range tick(maxPoints) {
		c.add(i*3, count{replicas: int32(i)})
	}
	for i := range tick(maxPoints) {
		if c.timeline[i] != i*3 || c.all[i].replicas != int32(i) {
			t.Fatalf("point %d: got %d at %d", i, c.all[i].replicas, c.timeline[i])
		}
	}
}

func testUnchangedPointTakesNoSpace(t *testing.T) {
	l, c := levels{triggers: []string{"a"}}, counts{}
	values := []float32{float32(math.NaN())}
	at := tick(0)
	if n := testing.AllocsPerRun(100, func() {
		at += 50
		l.add(at, 3, 1, values)
		c.add(at, count{replicas: 3})
	}); n > 0 || len(l.timeline) != 1 || len(c.timeline) != 1 {
		t.Errorf("got %v allocations, %d and %d points, want none, 1 and 1", n, len(l.timeline), len(c.timeline))
	}
}
