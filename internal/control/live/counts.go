package live

import (
	"slices"

	"github.com/impulse-sh/impulse/scalers"
)

// unknownCount stands for a count that is not known.
const unknownCount = -1

// count has the counts of an object during a point.
type count struct {
	// replicas is the count of the target, desired the decided one, and shadow that of the shadow policy. A merged point has the highest ones,
	// and in lowest the lowest count of the target.
	replicas, lowest, desired, shadow int32
	minimum, maximum                  int32
	// limit is the rule that limits the count, or the last one that did during a merged point; RuleFormula is none.
	limit scalers.Rule
	// blocked is true if the count could not be written for a part of the time.
	blocked bool
}

// counts is a timeline of counts.
type counts struct {
	timeline timeline
	all      []count
}

// add adds a point, unless it is the same as the newest one.
func (c *counts) add(at tick, one count) {
	n := len(c.all)
	switch {
	case n > 0 && c.all[n-1] == one:
	case c.timeline.add(at, c):
		c.all = appendTo(c.all, one)
	default:
		c.all[n-1] = one
	}
}

func (c *counts) join(into, next int) {
	a, b := &c.all[into], &c.all[next]
	if a.lowest == unknownCount || b.lowest != unknownCount && b.lowest < a.lowest {
		a.lowest = b.lowest
	}
	a.replicas, a.desired, a.shadow = max(a.replicas, b.replicas), max(a.desired, b.desired), max(a.shadow, b.shadow)
	a.minimum, a.maximum, a.blocked = b.minimum, b.maximum, a.blocked || b.blocked
	if b.limit != scalers.RuleFormula {
		a.limit = b.limit
	}
}

func (c *counts) move(to, from int) { c.all[to] = c.all[from] }

func (c *counts) cut(begin, end int) { c.all = slices.Delete(c.all[:end], 0, begin) }

// clone returns a copy.
func (c *counts) clone() counts { return counts{slices.Clone(c.timeline), slices.Clone(c.all)} }
