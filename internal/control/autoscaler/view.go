package autoscaler

import (
	"errors"

	"k8s.io/apimachinery/pkg/util/resourceversion"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/scalers"
)

// view is what is known of the target.
type view struct {
	scale actuator.Scale
	hpa   string
	ready int32
	// known is false while the count is not known; err then says why, once anything has been heard.
	known bool
	err   error
	// version counts observations.
	version int
	// foreign is true from another hand's change of the count until it has been decided on.
	foreign bool
	// past holds the newest counts, oldest first: what a reading was true of.
	past [8]truth
}

// truth is what was true of the target from an instant on.
type truth struct {
	at             scalers.Instant
	current, ready int32
}

// see takes in an observation, and reports whether it calls for a decision: the count is known now and was not, or
// somebody else has changed it.
func (p *Pipeline) see(now scalers.Instant, o actuator.Observation) bool {
	v := &p.view
	v.version++
	v.err = o.Err
	freed := v.hpa != "" && o.ForeignHPA == ""
	v.hpa, v.ready = o.ForeignHPA, o.Ready
	if !trusted(&o) {
		v.known = false
		return false
	}
	called := p.count(now, o.Scale)
	v.remember(now)
	return called || freed || p.writer.conflicted()
}

// trusted reports whether an observation has a count to decide from. One that is not up to date does while the API
// server is away: a write tests it anyway.
func trusted(o *actuator.Observation) bool {
	if o.Err == nil {
		return true
	}
	gone := errors.Is(o.Err, actuator.ErrNotFound) || errors.Is(o.Err, actuator.ErrNoScale) || errors.Is(o.Err, actuator.ErrForbidden)
	return !gone && o.Scale.UID != ""
}

// count takes in the target's count, and reports whether a decision is called for.
func (p *Pipeline) count(now scalers.Instant, s actuator.Scale) bool {
	v := &p.view
	switch {
	case !v.known || s.UID != v.scale.UID:
		p.meet(now, s)
		return true
	case older(s, v.scale):
		return false // It was overtaken by the answer to our own write.
	case s.Replicas == v.scale.Replicas:
		v.scale = s
		return false
	case p.writer.flying && s.Replicas == p.writer.flight.to:
		v.scale = s // Our own write, seen before its answer.
		return false
	case p.writer.lost && s.Replicas == p.writer.flight.to:
		p.scaled(now, s, s.Replicas)
		return false
	default:
		v.scale, v.foreign = s, true
		return true
	}
}

// meet takes in a target that was not known, or is another one than before. What was read meanwhile is taken to be true
// of it, and what was recommended last stands.
func (p *Pipeline) meet(now scalers.Instant, s actuator.Scale) {
	v := &p.view
	switch {
	case p.decided:
		p.memory = p.memory.Resume(now)
	case p.before != nil && s.Replicas > *p.before && !p.workload.DryRun:
		// It is higher than what is remembered says: what is missing is made up for by what there is, as at first sight.
		p.memory = p.memory.Recommended(p.workload.Policy, now, s.Replicas)
	}
	if p.wait == 0 {
		p.wait = now.Add(patience)
	}
	v.scale, v.known, v.past = s, true, [len(v.past)]truth{}
	p.writer.forgive()
	for i := range p.events {
		p.events[i].Current, p.events[i].Ready = s.Replicas, v.ready
	}
}

// older reports whether a was seen before b.
func older(a, b actuator.Scale) bool {
	order, err := resourceversion.CompareResourceVersion(a.ResourceVersion, b.ResourceVersion)
	return err == nil && order < 0
}

// remember keeps the present count for readings that are under way.
func (v *view) remember(now scalers.Instant) {
	last := &v.past[len(v.past)-1]
	if last.at != 0 && last.current == v.scale.Replicas && last.ready == v.ready {
		return
	}
	copy(v.past[:], v.past[1:])
	*last = truth{now, v.scale.Replicas, v.ready}
}

// at returns the count and the ready pods as they were then, or the oldest that are remembered.
func (v *view) at(then scalers.Instant) (current, ready int32) { //nolint:nonamedreturns // They say which is which.
	best := truth{current: v.scale.Replicas, ready: v.ready}
	for i := len(v.past) - 1; i >= 0 && v.past[i].at != 0; i-- {
		best = v.past[i]
		if best.at <= then {
			break
		}
	}
	return best.current, best.ready
}
