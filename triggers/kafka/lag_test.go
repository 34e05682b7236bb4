package kafka

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
)

func TestLag(t *testing.T) {
	t.Run("a partition waits from its valid committed offset to its end", testPartitionWaitsFromValidCommittedOffset)
	t.Run("the replicas are those of KEDA, but never more than partitions", testReplicasAreThoseOfKEDA)
	t.Run("only a number of replicas that divides the partitions is asked for", testNumberOfReplicasDividesPartitions)
	t.Run("huge offsets saturate", testHugeOffsetsSaturate)
}

func testPartitionWaitsFromValidCommittedOffset(t *testing.T) {
	earliest, latest := Group{OffsetResetPolicy: policyEarliest}, Group{OffsetResetPolicy: policyLatest}
	zero := Group{OffsetResetPolicy: policyEarliest, ScaleToZeroOnInvalidOffset: true}
	for name, c := range map[string]struct {
		group                       Group
		committed, start, end, want int64
	}{
		"all is committed":                        {latest, 9, 0, 9, 0},
		"some is not":                             {latest, 4, 0, 9, 5},
		"the next record is deleted":              {latest, 4, 7, 9, 2},
		"all records are deleted":                 {latest, 4, 9, 9, 0},
		"the log began after its end was read":    {latest, 4, 12, 9, 0},
		"nothing is committed, earliest":          {earliest, notCommitted, 3, 9, 6},
		"nothing is committed, earliest, empty":   {earliest, notCommitted, 9, 9, 0},
		"nothing is committed, latest":            {latest, notCommitted, 3, 9, 1},
		"nothing is committed, latest, empty":     {latest, notCommitted, 0, 0, 1},
		"nothing is committed, zero on request":   {zero, notCommitted, 3, 9, 0},
		"committed beyond the end, earliest":      {earliest, 20, 3, 9, 6},
		"committed beyond the end, latest":        {latest, 20, 3, 9, 1},
		"committed beyond the end, zero":          {zero, 20, 3, 9, 0},
		"zero on request, but an offset is valid": {zero, 4, 0, 9, 5},
	} {
		p := partitionState{committed: c.committed, start: c.start, end: c.end}
		if got := c.group.waiting(p); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// keda is KEDA's formula: the value that the HPA gets for a lag.
func keda(g Group, lag, partitions, lagging int64) int64 {
	threshold := int64(g.LagThreshold) / 1000
	if g.AllowIdleConsumers && !g.LimitToPartitionsWithLag && !g.EnsureEvenDistributionOfPartitions {
		return lag
	}
	if g.EnsureEvenDistributionOfPartitions {
		even := partitions
		for n := partitions; n >= 1; n-- {
			if partitions%n == 0 && n*threshold >= lag {
				even = n
			}
		}
		lag = even * threshold
	}
	bound := partitions
	if g.LimitToPartitionsWithLag {
		bound = lagging
	}
	if lag/threshold > bound {
		lag = bound * threshold
	}
	return lag
}

func testReplicasAreThoseOfKEDA(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	limited, corrected := 0, 0
	for range 20000 {
		g := Group{LagThreshold: scalers.Milli(1+r.IntN(20)) * 1000, OffsetResetPolicy: policyLatest}
		switch r.IntN(5) {
		case 0:
			g.AllowIdleConsumers = true
		case 1:
			g.LimitToPartitionsWithLag = true
		case 2:
			g.EnsureEvenDistributionOfPartitions = true
		}
		all := make([]partitionState, 1+r.IntN(12))
		for i := range all {
			end := r.Int64N(60)
			all[i] = partitionState{topicPartition: topicPartition{"orders", int32(i)}, committed: r.Int64N(end + 1), end: end}
		}
		l := g.measure(all, nil)
		bound := l.partitions
		if g.LimitToPartitionsWithLag {
			bound = l.lagging
		}
		got, want := replicas(int64(g.level(l)), int64(g.LagThreshold)), replicas(keda(g, l.waiting, l.partitions, l.lagging)*1000, int64(g.LagThreshold))
		if want > bound && !g.AllowIdleConsumers {
			want = bound // KEDA's bound lets up to one lagThreshold more pass.
			corrected++
		}
		if got != max(want, 0) && l.counted > 0 {
			t.Fatalf("%+v, %+v: got %d replicas, want %d", g, l, got, want)
		}
		if l.counted == 0 && got != 0 {
			t.Fatalf("%+v: got %d replicas without lag, want 0", g, got)
		}
		if g.level(l) < messages(l.counted) {
			limited++
		}
	}
	if limited == 0 || corrected == 0 {
		t.Errorf("the lag was limited %d times, and KEDA exceeded the partitions %d times; want both", limited, corrected)
	}
}

// replicas is what the core asks for.
func replicas(level, target int64) int64 { return (level + target - 1) / target }

func testNumberOfReplicasDividesPartitions(t *testing.T) {
	g := Group{LagThreshold: 10_000, EnsureEvenDistributionOfPartitions: true}
	for lag, want := range map[int64]int64{0: 0, 1: 1, 10: 1, 11: 2, 20: 2, 21: 3, 31: 4, 41: 6, 61: 12, 10_000: 12} {
		got := replicas(int64(g.level(measureOf(lag, 12))), 10_000)
		if got != want {
			t.Errorf("a lag of %d in 12 partitions: got %d replicas, want %d", lag, got, want)
		}
	}
}

func measureOf(counted, partitions int64) lag {
	return lag{waiting: counted, counted: counted, partitions: partitions, lagging: min(counted, partitions)}
}

func testHugeOffsetsSaturate(t *testing.T) {
	g := Group{LagThreshold: 1000, OffsetResetPolicy: policyLatest, AllowIdleConsumers: true}
	all := []partitionState{{end: math.MaxInt64}, {topicPartition: topicPartition{"orders", 1}, end: math.MaxInt64}}
	if got := g.level(g.measure(all, nil)); got != math.MaxInt64 {
		t.Errorf("got %s, want the largest level", got)
	}
}
