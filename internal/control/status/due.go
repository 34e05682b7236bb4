package status

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// draft is a status, with the outcome that it reports and the recommendations that it remembers.
type draft struct {
	status *v1alpha1.ScaledObjectStatus
	said   outcome
	kept   recommended
}

// draft renders a moment.
func (o *object) draft(p *autoscaler.Outcome) *draft {
	memory := o.remembered(p)
	return &draft{statusOf(p, o), outcomeOf(p, o.refusal), recommendedIn(&memory, p)}
}

// put makes a status the next one to write. It replaces any that waits.
func (o *object) put(status *v1alpha1.ScaledObjectStatus) { o.pending, o.later = status, nil }

// commit makes a draft the status to write.
func (o *object) commit(d *draft) {
	o.said, o.kept, o.latest = d.said, d.kept, d.status
	o.conditions.at = slices.Clone(d.status.Conditions)
	o.put(d.status)
}

// weigh reports whether a moment calls for a status: at once, or later, if what limits lasts.
func (o *object) weigh(p *autoscaler.Outcome) (atOnce, later bool) {
	now := outcomeOf(p, o.refusal)
	rule := now.limit
	counts := o.limit.counts(rule, o.said.limit, time.Now())
	now.limit = o.said.limit
	switch {
	case now != o.said:
		o.limit.turned = time.Time{} // The next change of what limits is the first one beside this outcome.
		o.wavers = o.wavers && now.desired == o.said.desired
		return true, false
	case counts:
		return true, false
	case o.kept.forgets(recommendedIn(p.Memory, p)):
		o.wavers = true
		return true, false
	default:
		return false, rule != o.said.limit
	}
}

// report looks at a moment at which there is something to report. It returns what has gone wrong or recovered since the last one,
// and whether the status is to be written. The caller holds r.mu.
func (r *Reporter) report(o *object, p *autoscaler.Outcome) (troubles []trouble, writes bool) {
	if o.stored != nil {
		troubles = o.compare(p)
		o.resume(p)
	}
	switch atOnce, later := o.weigh(p); {
	case atOnce:
		return append(troubles, o.compare(p)...), true
	case later:
		r.postpone(o, p)
	default:
		o.later = nil
	}
	return troubles, false
}

// resume continues from the status as of the start if the first moment has the same outcome: nothing is written then.
func (o *object) resume(p *autoscaler.Outcome) {
	stored := o.stored
	o.stored = nil
	d := o.draft(p)
	if !same(d.status, stored) {
		return
	}
	o.said, o.latest = d.said, d.status
	o.said.limit = scalers.RuleFormula
	if was := stored.LastDecision; was != nil {
		o.said.limit = limitNamed(was.Raw, was.To, was.LimitedBy)
	}
	o.limit = limit{rule: o.said.limit, turned: time.Now()}
	var memory scalers.Memory
	_ = memory.UnmarshalText([]byte(stored.Memory)) // One that cannot be read remembers nothing.
	o.kept = recommendedIn(&memory, p)
}

// postpone keeps the status of a moment until what limits has lasted: no other moment may come by then. The caller holds r.mu.
func (r *Reporter) postpone(o *object, p *autoscaler.Outcome) {
	if o.later == nil {
		r.queue.AddAfter(o.key(), lasting)
	}
	before := o.conditions.at
	o.conditions.at = slices.Clone(before)
	o.later = o.draft(p)
	o.conditions.at = before
}

// settle makes the status that waits the next one to write, once what limits has lasted. The caller holds r.mu.
func (r *Reporter) settle(o *object) {
	if wait := lasting - time.Since(o.limit.turned); wait > 0 {
		r.queue.AddAfter(o.key(), wait)
		return
	}
	o.commit(o.later)
}
