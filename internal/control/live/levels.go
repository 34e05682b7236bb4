package live

import (
	"math"
	"slices"
)

// noDemand is the demand while no trigger is known.
const noDemand = -1

// levels is a timeline of the levels of the triggers, with the count that they ask for.
type levels struct {
	// triggers are the names of the triggers, in the order of the policy.
	triggers []string
	timeline timeline
	// demand is the count that the triggers ask for, or noDemand. It is the highest one of a merged point.
	demand []int32
	// unknown has a bit for each trigger that was unknown for a part of the time.
	unknown []uint32
	// values has a level for each trigger and point: the highest one, or NaN if the trigger was unknown all the time.
	values []float32
}

// add adds a point, unless it is the same as the newest one. values are the levels in the order of the triggers.
func (l *levels) add(at tick, demand int32, unknown uint32, values []float32) {
	n, stride := len(l.timeline), len(l.triggers)
	if n > 0 && l.demand[n-1] == demand && l.unknown[n-1] == unknown && slices.EqualFunc(l.values[(n-1)*stride:], values, sameLevel) {
		return
	}
	if l.timeline.add(at, l) {
		l.demand, l.unknown, l.values = appendTo(l.demand, demand), appendTo(l.unknown, unknown), appendTo(l.values, values...)
		return
	}
	l.demand[n-1], l.unknown[n-1] = demand, unknown
	copy(l.values[(n-1)*stride:], values)
}

func sameLevel(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

func isNaN(level float32) bool { return math.IsNaN(float64(level)) }

// at returns the levels of a point.
func (l *levels) at(i int) []float32 {
	stride := len(l.triggers)
	return l.values[i*stride : (i+1)*stride]
}

func (l *levels) join(into, next int) {
	l.demand[into], l.unknown[into] = max(l.demand[into], l.demand[next]), l.unknown[into]|l.unknown[next]
	to := l.at(into)
	for i, level := range l.at(next) {
		if isNaN(to[i]) || level > to[i] {
			to[i] = level
		}
	}
}

func (l *levels) move(to, from int) {
	l.demand[to], l.unknown[to] = l.demand[from], l.unknown[from]
	copy(l.at(to), l.at(from))
}

func (l *levels) cut(begin, end int) {
	stride := len(l.triggers)
	l.demand, l.unknown = slices.Delete(l.demand[:end], 0, begin), slices.Delete(l.unknown[:end], 0, begin)
	l.values = slices.Delete(l.values[:end*stride], 0, begin*stride)
}

// clone returns a copy.
func (l *levels) clone() levels {
	return levels{l.triggers, slices.Clone(l.timeline), slices.Clone(l.demand), slices.Clone(l.unknown), slices.Clone(l.values)}
}
