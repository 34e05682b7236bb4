package live

import (
	"slices"
	"time"
)

// tick is a time, in tenths of a second since the start of a series.
type tick uint32

const (
	tickLength = 100 * time.Millisecond
	// maxPoints bounds the points of one timeline. When it is reached, points are merged, the oldest ones most.
	maxPoints = 160
	// horizon is how far back a timeline reaches.
	horizon = tick(24 * time.Hour / tickLength)
	// A merged point covers at most a part of its age, given by this divisor, or shortest.
	precision      = 8
	shortest  tick = 32
)

// timeline has the times of points, each of which lasts until the next one.
type timeline []tick

// points are the values of the points of a timeline, by index.
type points interface {
	// join merges a point into the one before it.
	join(into, next int)
	move(to, from int)
	// cut removes all points but those from begin to end.
	cut(begin, end int)
}

// add adds a time, and reports whether the values are to be added; otherwise they replace those of the newest point, which has the same time.
// If there are too many points, they are merged before.
func (t *timeline) add(at tick, values points) bool {
	n := len(*t)
	if n > 0 && at <= (*t)[n-1] {
		return false
	}
	if n == maxPoints {
		t.merge(values)
	}
	*t = appendTo(*t, at)
	return true
}

// merge merges points by their age, and drops those that have ended before the horizon. The newest point stays as it is, because its end is not
// known.
func (t *timeline) merge(values points) {
	at := *t
	newest := len(at) - 1
	now, first := at[newest], 0
	for first < newest && at[first+1]+horizon <= now {
		first++
	}
	at[0] = at[first]
	values.move(0, first)
	kept := 0
	for i := first + 1; i <= newest; i++ {
		if i < newest && at[i+1]-at[kept] <= max(shortest, (now-at[i+1])/precision) {
			values.join(kept, i)
			continue
		}
		kept++
		at[kept] = at[i]
		values.move(kept, i)
	}
	begin := max(0, kept+1-maxPoints*9/10) // It is 0, as the constants are.
	values.cut(begin, kept+1)
	*t = slices.Delete(at[:kept+1], 0, begin)
}

// appendTo appends to a slice whose capacity is at most maxPoints elements, or a multiple of that.
func appendTo[S ~[]E, E any](to S, elements ...E) S {
	if n := len(to) + len(elements); n > cap(to) {
		grown := make(S, len(to), max(min(2*cap(to), maxPoints*len(elements)), n, 4*len(elements)))
		copy(grown, to)
		to = grown
	}
	return append(to, elements...)
}
