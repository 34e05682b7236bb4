package scalers

import (
	"math"
	"slices"
	"strconv"
)

// Increment is what each unit of a level adds: a number of replicas, or a percentage of the base.
type Increment struct {
	Amount  int32
	Percent bool
}

// String writes an increment as its user does after a plus: "2", or "50%".
func (n Increment) String() string {
	if n.Percent {
		return strconv.Itoa(int(n.Amount)) + "%"
	}
	return strconv.Itoa(int(n.Amount))
}

// Base is what a step trigger adds to.
type Base struct {
	// Trigger is a hash of its name.
	Trigger  uint32
	Replicas int32
}

// steps reports whether the trigger asks for so much more, and not for so many.
func (t *Trigger) steps() bool { return t.Increment.Amount != 0 }

// units is how many whole units a level has; each of them is one step.
func units(level Milli) int64 { return int64(level) / 1000 }

// on is base and what k units add to it, saturating. A percentage is rounded up, once for all of them.
func (n Increment) on(base int32, k int64) int32 {
	each, per := Milli(n.Amount), Milli(1)
	if n.Percent {
		each, per = each*Milli(base), 100
	}
	more := ceilDiv(max(each, 0), k, per)
	return int32(min(int64(base)+int64(more), math.MaxInt32))
}

// step proposes what a level adds to a base; a level of zero asks for nothing.
func (t *Trigger) step(base int32, q *Proposal) {
	k := units(q.Level)
	if k == 0 {
		q.AddsNothing = q.Known
		return
	}
	q.Base = base
	q.Raw = t.bound(t.Increment.on(base, k))
	q.Replicas = q.Raw
}

// alone is the base of a step trigger while nobody else asks for anything.
func (p *Policy) alone() int32 { return max(p.Min, 1) }

// takeSteps lets the step triggers ask, when what the others ask for is known. Their base is taken in the decision in which
// the level is first known to be above zero, and stands until it is known to be zero: what is unknown keeps it. So a level
// that is repeated, or read again after a restart, adds the same to the same.
//
// At zero a step trigger asks for nothing, and its own bounds say nothing. It is the winner only where nobody asks: then
// nothing is wanted.
func (c *chain) takeSteps() {
	c.forgetBases()
	others := ask{trigger: -1}
	for i := range c.decision.Proposals() {
		t, q := &c.policy.Triggers[i], &c.decision.proposals[i]
		switch {
		case !t.steps() || !q.Known && (!q.AtLeast || t.Cap):
			continue
		case units(q.Level) > 0:
			if others.trigger < 0 {
				others = c.others()
			}
			t.step(c.baseOf(t, others.replicas), q)
			c.consider(i, q, measure{level: q.Level, each: 1, times: int64(q.Base)})
		case q.Known:
			c.forgetBase(t)
			if !t.Cap {
				c.quiet.atLeast(ask{trigger: i, continuous: t.Continuous})
			}
		}
	}
	if c.most.trigger < 0 {
		c.most = c.quiet
	}
}

// others is what the base of a step trigger is taken from: the most that the others ask for, or at least ask for. Nothing of a
// step may be in it, or a level that leaves zero twice would count twice. So other step triggers have no part in it, and neither
// has the current count: of a trigger that tolerance keeps at it, the formula counts when that asks for less; of a fallback,
// the number that it names. It is no less than what the workload has while nobody asks.
func (c *chain) others() ask {
	most := ask{trigger: -1}
	for i := range c.decision.Proposals() {
		t, q := &c.policy.Triggers[i], &c.decision.proposals[i]
		if t.Cap || t.Input || t.steps() {
			continue
		}
		if q.Known || q.AtLeast {
			most.atLeast(ask{trigger: i, replicas: min(q.Raw, q.Replicas)})
		}
		if f := c.policy.Fallback; q.Fallback && f.Behavior != FallbackCurrentReplicas {
			most.atLeast(ask{trigger: i, replicas: t.bound(f.Replicas)})
		}
	}
	most.replicas = max(most.replicas, c.policy.alone())
	return most
}

// baseOf is the base that stands for a trigger, or else the one that it takes now.
func (c *chain) baseOf(t *Trigger, now int32) int32 {
	m, id := c.memory, t.hash()
	for i := range m.Bases {
		if m.Bases[i].Trigger == id {
			return m.Bases[i].Replicas
		}
	}
	now = max(now, 0)
	if len(m.Bases) < MaxTriggers {
		m.Bases = append(m.Bases, Base{Trigger: id, Replicas: now})
	}
	return now
}

// forgetBase forgets the base of a trigger.
func (c *chain) forgetBase(t *Trigger) {
	if len(c.memory.Bases) == 0 {
		return
	}
	id := t.hash()
	c.memory.Bases = slices.DeleteFunc(c.memory.Bases, func(b Base) bool { return b.Trigger == id })
}

// forgetBases forgets those of triggers that the policy does not have, or that do not step any more.
func (c *chain) forgetBases() {
	if len(c.memory.Bases) == 0 {
		return
	}
	p := c.policy
	c.memory.Bases = slices.DeleteFunc(c.memory.Bases, func(b Base) bool {
		return !slices.ContainsFunc(p.Triggers, func(t Trigger) bool { return t.steps() && t.hash() == b.Trigger })
	})
}
