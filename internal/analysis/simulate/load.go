package simulate

import (
	"slices"
	"sort"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

// Load has one or more columns of numbers over time.
type Load struct {
	// Times rise.
	Times   []scalers.Instant
	Columns []Column
}

// Column has the measurements at each of the times.
type Column struct {
	Name  string
	Cells []Cell
}

// Cell is a number, or the reason that there is none.
type Cell struct {
	Answer engine.Answer
	Value  scalers.Milli
}

// Start returns the first instant.
func (l *Load) Start() scalers.Instant { return l.Times[0] }

// End returns the instant one step after the last number.
func (l *Load) End() scalers.Instant { return l.Times[len(l.Times)-1].Add(l.Step()) }

// Step returns the time from one number to the next: the median, so that a gap does not count.
func (l *Load) Step() time.Duration {
	if len(l.Times) < 2 {
		return time.Minute
	}
	steps := make([]time.Duration, 0, len(l.Times)-1)
	for i, t := range l.Times[1:] {
		steps = append(steps, t.Sub(l.Times[i]))
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// Column returns a column by its name, and nil when there is none.
func (l *Load) Column(name string) *Column {
	for i := range l.Columns {
		if l.Columns[i].Name == name {
			return &l.Columns[i]
		}
	}
	return nil
}

// at returns the index of the newest time that is not after t; -1 before the first.
func (l *Load) at(t scalers.Instant) int {
	return sort.Search(len(l.Times), func(i int) bool { return l.Times[i] > t }) - 1
}

// gap is the number of steps that a number is valid for. After it the load is unknown.
const gap = 3

// cell returns the cell of a column at t; it is stale when the newest number is older than gap steps.
func (l *Load) cell(c *Column, t scalers.Instant, step time.Duration) Cell {
	i := l.at(t)
	if i < 0 {
		return Cell{Answer: engine.Silent}
	}
	cell := c.Cells[i]
	if t.Sub(l.Times[i]) > gap*step && cell.Answer == engine.Number {
		return Cell{Answer: engine.Stale}
	}
	return cell
}
