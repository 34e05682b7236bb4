package kafka

import (
	"math"

	"github.com/impulse-sh/impulse/scalers"
)

// topicPartition is one partition of a topic.
type topicPartition struct {
	topic string
	id    int32
}

// partitionState is the state of one partition at a reading. An offset is a position in its log: the next record gets the offset end, and
// the records before start are deleted. start is known only if the committed offset is not end.
type partitionState struct {
	topicPartition

	committed, start, end int64
}

// notCommitted is the committed offset of a partition in which the group has none.
const notCommitted = -1

// isReset reports whether the group's consumers start where their reset policy says, because they have no valid committed offset: none at
// all, or one beyond the end of the log, as in a topic that was deleted and created again.
func (p partitionState) isReset() bool { return p.committed < 0 || p.committed > p.end }

// since returns how many offsets there are from an offset to the end. Offsets of deleted records do not count: no consumer gets them.
func (p partitionState) since(offset int64) int64 { return max(0, p.end-max(offset, p.start)) }

// waiting returns the lag of a partition.
func (g Group) waiting(p partitionState) int64 {
	switch {
	case !p.isReset():
		return p.since(p.committed)
	case g.ScaleToZeroOnInvalidOffset:
		return 0
	case g.OffsetResetPolicy == policyEarliest:
		return p.since(p.start)
	}
	return 1 // A consumer has to start before the next record, which it would miss.
}

// lag is what a group has not committed.
type lag struct {
	// waiting is all of it, and counted is without persistent lag.
	waiting, counted int64
	// partitions is the number of partitions, and lagging that of those with counted lag.
	partitions, lagging int64
}

// measure adds up the lag of all partitions. before has the committed offsets of the reading before.
func (g Group) measure(all []partitionState, before map[topicPartition]int64) lag {
	l := lag{partitions: int64(len(all))}
	for _, p := range all {
		n := g.waiting(p)
		l.waiting = add(l.waiting, n)
		if last, known := before[p.topicPartition]; g.ExcludePersistentLag && known && last == p.committed && !p.isReset() {
			continue
		}
		l.counted = add(l.counted, n)
		if n > 0 {
			l.lagging++
		}
	}
	return l
}

// level returns the level for a lag: the lag, raised for an even distribution, and then limited to ceiling.
func (g Group) level(l lag) scalers.Milli {
	value := messages(l.counted)
	if g.EnsureEvenDistributionOfPartitions && value > 0 {
		value = times(g.LagThreshold, g.evenReplicas(value, l.partitions))
	}
	return min(value, g.ceiling(l))
}

// ceiling returns the highest level: lagThreshold times the number of replicas that can consume. One replica consumes a partition.
func (g Group) ceiling(l lag) scalers.Milli {
	switch {
	case g.LimitToPartitionsWithLag:
		return times(g.LagThreshold, l.lagging)
	case g.AllowIdleConsumers:
		return math.MaxInt64
	}
	return times(g.LagThreshold, l.partitions)
}

// evenReplicas returns the smallest number of replicas that divides the number of partitions and is enough for a level; the number of
// partitions if none is.
func (g Group) evenReplicas(level scalers.Milli, partitions int64) int64 {
	for n := int64(1); n < partitions; n++ {
		if partitions%n == 0 && times(g.LagThreshold, n) >= level {
			return n
		}
	}
	return partitions
}

// messages returns a number of offsets as a level. It saturates.
func messages(n int64) scalers.Milli { return times(1000, n) }

// times returns the product of numbers that are not negative. It saturates.
func times(value scalers.Milli, n int64) scalers.Milli {
	if n > 0 && int64(value) > math.MaxInt64/n {
		return math.MaxInt64
	}
	return value * scalers.Milli(n)
}

// add returns the sum of numbers that are not negative. It saturates.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
