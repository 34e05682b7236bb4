package status

import (
	"slices"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// draft is a status, with its outcome and the recommendations in its memory.
type draft struct {
	status  *v1alpha1.ScaledObjectStatus
	outcome outcome
	counts  recommended
	at      time.Time
}

// draft returns the status for an outcome.
func (o *object) draft(p *autoscaler.Outcome) *draft {
	memory := o.remembered(p)
	return &draft{statusOf(p, o), outcomeOf(p, o.refusal), recommendedIn(&memory, p), p.At.Time()}
}

// setPending makes a status the next one to write, instead of any that waits.
func (o *object) setPending(status *v1alpha1.ScaledObjectStatus) {
	o.pending, o.postponed = status, nil
}

// commit makes a draft the next status to write, and notifies of its changes. The caller must hold r.mu.
func (r *Reporter) commit(o *object, d *draft) {
	r.notifyChanges(o, d.status, d.at)
	o.lastReported, o.reportedCounts, o.latest = d.outcome, d.counts, d.status
	o.conditions.list = slices.Clone(d.status.Conditions)
	o.setPending(d.status)
	r.showStatus(o, d.status)
}

// due reports whether an outcome causes a write of the status: at once, or later, if the rule that limits the count stays the
// same for limitDelay, or if no rule limits it for that time.
func (o *object) due(p *autoscaler.Outcome) (atOnce, later bool) {
	now := outcomeOf(p, o.refusal)
	rule := now.limit
	limitDue := o.limit.update(rule, o.lastReported.limit, time.Now())
	now.limit = o.lastReported.limit
	switch {
	case now != o.lastReported:
		o.limit.changedAt = time.Time{} // So the first change of the limit under the new outcome is written at once.
		o.memoryVaries = o.memoryVaries && now.desired == o.lastReported.desired
		return true, false
	case limitDue:
		return true, false
	case o.reportedCounts.insufficientFor(recommendedIn(p.Memory, p)):
		o.memoryVaries = true
		return true, false
	default:
		return false, rule != o.lastReported.limit
	}
}

// report returns the condition changes of an outcome, and whether the status is to be written. The caller must hold
// r.mu.
func (r *Reporter) report(o *object, p *autoscaler.Outcome) (changes []conditionChange, writes bool) {
	if o.stored != nil {
		changes = o.changes(p)
		o.resume(p)
	}
	switch atOnce, later := o.due(p); {
	case atOnce:
		return append(changes, o.changes(p)...), true
	case later:
		r.postpone(o, p)
	default:
		o.postponed = nil
	}
	return changes, false
}

// resume continues from the stored status if the first outcome is the same, so that nothing is written.
func (o *object) resume(p *autoscaler.Outcome) {
	stored := o.stored
	o.stored = nil
	d := o.draft(p)
	if !sameOutcome(d.status, stored) {
		return
	}
	o.lastReported, o.latest = d.outcome, d.status
	o.lastReported.limit = scalers.RuleFormula
	if was := stored.LastDecision; was != nil {
		o.lastReported.limit = limitNamed(was.Raw, was.To, was.LimitedBy)
	}
	o.limit = limit{rule: o.lastReported.limit, changedAt: time.Now()}
	var memory scalers.Memory
	_ = memory.UnmarshalText([]byte(stored.Memory)) // A memory that cannot be read is empty.
	o.reportedCounts = recommendedIn(&memory, p)
}

// postpone keeps the status for an outcome, to be written once the rule that limits the count has stayed the same for limitDelay, or none has
// limited it for that time. A later call replaces it. An outcome that is written at once, or that has the reported limit again, discards it. The caller must hold
// r.mu.
func (r *Reporter) postpone(o *object, p *autoscaler.Outcome) {
	if o.postponed == nil {
		r.queue.AddAfter(o.key(), limitDelay)
	}
	saved := o.conditions.list
	o.conditions.list = slices.Clone(saved)
	o.postponed = o.draft(p)
	o.conditions.list = saved
}

// promote makes the postponed status the next one to write, once its limit has stayed the same for limitDelay. The caller must hold r.mu.
func (r *Reporter) promote(o *object) {
	if wait := limitDelay - time.Since(o.limit.changedAt); wait > 0 {
		r.queue.AddAfter(o.key(), wait)
		return
	}
	r.commit(o, o.postponed)
}
