package scalers

import (
	"math"
	"slices"
	"strconv"
)

// Increment is the number of replicas, or the percentage of the base, that a step trigger adds for each whole unit of its
// level.
type Increment struct {
	// Amount is a number of replicas, or with Percent a percentage of the base; 0 for a trigger that does not step.
	Amount  int32
	Percent bool
}

// String returns the increment as users write it after a plus: "2", or "50%".
func (n Increment) String() string {
	if n.Percent {
		return strconv.Itoa(int(n.Amount)) + "%"
	}
	return strconv.Itoa(int(n.Amount))
}

// Base is the count that a step trigger adds to.
type Base struct {
	// Trigger is a hash of the trigger's name.
	Trigger uint32
	// Replicas is 0 or more.
	Replicas int32
}

// steps reports whether this is a step trigger: it adds replicas to the count that the other triggers ask for.
func (t *Trigger) steps() bool { return t.Increment.Amount != 0 }

// units returns how many whole units a level has. Each of them is one step.
func units(level Milli) int64 { return int64(level) / 1000 }

// addTo returns base plus k increments, saturating. A percentage is rounded up, once for the sum.
func (n Increment) addTo(base int32, k int64) int32 {
	each, per := Milli(n.Amount), Milli(1)
	if n.Percent {
		each, per = each*Milli(base), 100
	}
	more := ceilDiv(max(each, 0), k, per)
	return int32(min(int64(base)+int64(more), math.MaxInt32))
}

// proposeStep sets what a step trigger asks for on a base: nothing when its level has no whole unit.
func (t *Trigger) proposeStep(base int32, q *Proposal) {
	k := units(q.Level)
	if k == 0 {
		q.AddsNothing = q.Known
		return
	}
	q.Base = base
	q.Raw = t.bound(t.Increment.addTo(base, k))
	q.Replicas = q.Raw
}

// leastBase is the base of a step trigger while no other trigger asks for replicas.
func (p *Policy) leastBase() int32 { return max(p.Min, 1) }

// observeSteps adds the proposals of the step triggers, after those of all others. The base of a step trigger is
// chosen in the decision in which its level is first known to be above zero. It remains until the level is known to be zero;
// an unknown level does not change it. So a level that is repeated, or read again after a restart, adds the same to the same.
//
// At zero a step trigger asks for nothing, and its own Min does not apply. It is the winner only while no other trigger asks
// for replicas.
func (c *chain) observeSteps() {
	c.removeBases()
	others := demand{trigger: -1}
	for i := range c.decision.Proposals() {
		t, q := &c.policy.Triggers[i], c.decision.proposal(i)
		switch {
		case !t.steps() || !q.Known && (!q.AtLeast || t.Cap):
			continue
		case units(q.Level) > 0:
			if others.trigger < 0 {
				others = c.baseDemand()
			}
			t.proposeStep(c.baseOf(t, others.replicas), q)
			c.addProposal(i, q, measure{level: q.Level, each: 1, times: int64(q.Base)})
		case q.Known:
			c.removeBase(t)
			if !t.Cap {
				c.demands.nothing.raise(demand{trigger: i, continuous: t.Continuous})
			}
		}
	}
	if c.demands.most.trigger < 0 {
		c.demands.most = c.demands.nothing
	}
}

// baseDemand returns what a new base is: the highest proposal or lower bound of the other triggers, and at least leastBase.
// It must not contain a step, or a level that rises from zero twice would count twice. Step triggers are therefore ignored,
// and so is the current count, which may contain a step: where tolerance returns the current count, the result of the formula
// is used if that is lower, and a fallback counts with Fallback.Replicas, or not at all if it asks for the current count.
func (c *chain) baseDemand() demand {
	most := demand{trigger: -1}
	for i := range c.decision.Proposals() {
		t, q := &c.policy.Triggers[i], c.decision.proposal(i)
		if t.Cap || t.Input || t.steps() {
			continue
		}
		if q.Known || q.AtLeast {
			most.raise(demand{trigger: i, replicas: min(q.Raw, q.Replicas)})
		}
		if f := c.policy.Fallback; q.Fallback && f.Behavior != FallbackCurrentReplicas {
			most.raise(demand{trigger: i, replicas: t.bound(f.Replicas)})
		}
	}
	most.replicas = max(most.replicas, c.policy.leastBase())
	return most
}

// baseOf returns the base of a trigger. One that has none gets the given base.
func (c *chain) baseOf(t *Trigger, replicas int32) int32 {
	m, id := c.memory, t.hash()
	for i := range m.Bases {
		if m.Bases[i].Trigger == id {
			return m.Bases[i].Replicas
		}
	}
	replicas = max(replicas, 0)
	if len(m.Bases) < MaxTriggers {
		m.Bases = append(m.Bases, Base{Trigger: id, Replicas: replicas})
	}
	return replicas
}

// removeBase removes the base of a trigger.
func (c *chain) removeBase(t *Trigger) {
	if len(c.memory.Bases) == 0 {
		return
	}
	id := t.hash()
	c.memory.Bases = slices.DeleteFunc(c.memory.Bases, func(b Base) bool { return b.Trigger == id })
}

// removeBases removes the bases of triggers that the policy does not have, or that are no step triggers any more.
func (c *chain) removeBases() {
	if len(c.memory.Bases) == 0 {
		return
	}
	p := c.policy
	c.memory.Bases = slices.DeleteFunc(c.memory.Bases, func(b Base) bool {
		return !slices.ContainsFunc(p.Triggers, func(t Trigger) bool { return t.steps() && t.hash() == b.Trigger })
	})
}
