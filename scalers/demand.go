package scalers

import "math"

// demand is a requested number of replicas.
type demand struct {
	// trigger is the index of the first trigger that asks for this count; -1 when none does.
	trigger int
	// replicas is after tolerance and within the trigger's own bounds, but not yet within the limits.
	replicas int32
	// continuous is true when the level of one of the triggers that ask for it is continuous.
	continuous bool
	// measure is that of trigger's level.
	measure measure
}

// demands has the counts that the triggers ask for. Only observe changes it.
type demands struct {
	// most is the maximum over the triggers without Cap that have a level or a lower bound of one.
	most demand
	// ceiling is the minimum over the triggers with Cap that are known.
	ceiling demand
	// nothing is the first step trigger that is known to add nothing.
	nothing demand
}

// noDemands is the value of demands before the first trigger is observed.
var noDemands = demands{most: demand{trigger: -1}, ceiling: demand{trigger: -1, replicas: math.MaxInt32}, nothing: demand{trigger: -1}}

// raise makes d the maximum of d and another.
func (d *demand) raise(other demand) {
	switch {
	case d.trigger < 0 || other.replicas > d.replicas:
		*d = other
	case other.replicas == d.replicas:
		d.join(other)
	}
}

// lower makes d the minimum of d and another.
func (d *demand) lower(other demand) {
	switch {
	case other.replicas < d.replicas || d.trigger < 0:
		*d = other
	case other.replicas == d.replicas:
		d.join(other)
	}
}

// join adds another demand for as many replicas. Its trigger becomes the one that comes first in the policy, in whatever order
// the two are observed.
func (d *demand) join(other demand) {
	if other.trigger < d.trigger {
		d.trigger, d.measure = other.trigger, other.measure
	}
	d.continuous = d.continuous || other.continuous
}

// addProposal adds the proposal of trigger i to the demands. A trigger with Cap whose count is 0 is a schedule or an
// alert that is off, and lowers nothing.
func (c *chain) addProposal(i int, q *Proposal, m measure) {
	t := &c.policy.Triggers[i]
	d := demand{trigger: i, replicas: q.Replicas, continuous: t.Continuous, measure: m}
	switch {
	case !t.Cap:
		c.demands.most.raise(d)
	case !t.Exact || q.Replicas > 0:
		c.demands.ceiling.lower(d)
	}
}

// chooseWinner sets the demand: the highest one, or the ceiling where that is lower.
func (c *chain) chooseWinner() {
	wins := &c.demands.most
	if ceiling := &c.demands.ceiling; wins.trigger >= 0 && ceiling.trigger >= 0 && ceiling.replicas < wins.replicas {
		wins = ceiling
	}
	if wins.trigger >= 0 {
		c.decision.Winner, c.decision.Raw = wins.trigger, c.decision.proposal(wins.trigger).Raw
		c.demand = *wins
	}
}
