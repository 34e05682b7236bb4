package engine

import (
	"math"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// replicas are those of the target: the count, and the number that have existed long enough to be ready. A lower count removes those
// that are not ready yet first.
type replicas struct {
	delay time.Duration
	// counts rise: there have been at least n replicas since from. The first are ready, the last are all.
	counts []count
}

type count struct {
	from scalers.Instant
	n    int32
}

func newReplicas(n int32, delay time.Duration) replicas {
	return replicas{delay: delay, counts: []count{{from: math.MinInt64, n: n}}}
}

// current is the count.
func (r *replicas) current() int32 { return r.counts[len(r.counts)-1].n }

// scale changes the count at an instant.
func (r *replicas) scale(at scalers.Instant, n int32) {
	from := at
	for len(r.counts) > 0 && r.counts[len(r.counts)-1].n >= n {
		from = r.counts[len(r.counts)-1].from
		r.counts = r.counts[:len(r.counts)-1]
	}
	r.counts = append(r.counts, count{from, n})
}

// ready returns the number that is ready at an instant; instants do not go back.
func (r *replicas) ready(at scalers.Instant) int32 {
	done := 0
	for done+1 < len(r.counts) && r.counts[done+1].from.Add(r.delay) <= at {
		done++
	}
	if done > 0 {
		r.counts = r.counts[:copy(r.counts, r.counts[done:])]
	}
	return r.counts[0].n
}
