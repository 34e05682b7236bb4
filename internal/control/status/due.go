package status

import (
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
	o.conditions.list = d.status.Conditions
	o.setPending(d.status)
	r.showStatus(o, d.status)
}

// due reports whether an outcome causes a write of the status: at once, or later, if it differs only in what may vary, and that settles.
func (o *object) due(p *autoscaler.Outcome) (atOnce, later bool) {
	now, at := outcomeOf(p, o.refusal), time.Now()
	limitDue := o.limit.update(now.limit, o.lastReported.limit, at)
	textsDue, textsSettled := o.texts.update(now.texts, o.lastReported.texts, at)
	varies := now.limit != o.lastReported.limit || now.texts != o.lastReported.texts
	now.limit, now.texts = o.lastReported.limit, o.lastReported.texts
	switch {
	case now != o.lastReported:
		o.limit.writeNext() // The first limit under the new outcome, and the next text of an error that has just begun, are written at once.
		if textsSettled {
			o.texts.writeNext()
		}
		o.memoryVaries = o.memoryVaries && now.desired == o.lastReported.desired
		return true, false
	case limitDue, textsDue:
		o.markWritten(&outcome{limit: o.limit.rule, texts: o.texts.hash}, at)
		return true, false
	case o.reportedCounts.insufficientFor(recommendedIn(p.Memory, p)):
		o.memoryVaries = true
		return true, false
	default:
		return false, varies
	}
}

// report returns the condition changes of an outcome, and whether the status is to be written. The caller must hold
// r.mu.
func (r *Reporter) report(o *object, p *autoscaler.Outcome) (changes []conditionChange, writes bool) {
	if o.stored != nil {
		changes = o.changes(p)
		r.resume(o, p)
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

// resume continues from the stored status if the first outcome is the same, so that nothing is written. The caller must hold r.mu.
func (r *Reporter) resume(o *object, p *autoscaler.Outcome) {
	stored := o.stored
	o.stored = nil
	d := o.draft(p)
	if !sameOutcome(d.status, stored) {
		return
	}
	o.lastReported, o.latest = d.outcome, d.status
	r.showStatus(o, d.status) // Nobody keeps the stored status from here on.
	o.texts = errorTexts{hash: d.outcome.texts, settling: settling{changedAt: time.Now()}}
	if !sameTexts(d.status, stored) {
		o.lastReported.texts++ // It differs from the present texts, so they are written once they have settled.
	}
	o.lastReported.limit = scalers.RuleFormula
	if was := stored.LastDecision; was != nil {
		o.lastReported.limit = limitNamed(was.Raw, was.To, was.LimitedBy)
	}
	o.limit = limit{rule: o.lastReported.limit, settling: settling{changedAt: time.Now()}}
	var memory scalers.Memory
	_ = memory.UnmarshalText([]byte(stored.Memory)) // A memory that cannot be read is empty.
	o.reportedCounts = recommendedIn(&memory, p)
}

// postpone keeps the status for an outcome, to be written once what varies in it has settled. A later call replaces it. An outcome that is
// written at once, or that is the reported one again, discards it. The caller must hold r.mu.
func (r *Reporter) postpone(o *object, p *autoscaler.Outcome) {
	saved := o.conditions
	begins := o.postponed == nil
	o.postponed = o.draft(p)
	o.conditions = saved
	if begins {
		r.queue.AddAfter(o.key(), o.unsettled(time.Now()))
	}
}

// unsettled returns how long the postponed status must still wait.
func (o *object) unsettled(now time.Time) time.Duration {
	wait := longestSettling
	if o.postponed.outcome.limit != o.lastReported.limit {
		wait = min(wait, o.limit.remaining(now))
	}
	if o.postponed.outcome.texts != o.lastReported.texts {
		wait = min(wait, o.texts.remaining(now))
	}
	return wait
}

// promote makes the postponed status the next one to write, once what varies in it has settled. The caller must hold r.mu.
func (r *Reporter) promote(o *object) {
	now := time.Now()
	if wait := o.unsettled(now); wait > 0 {
		r.queue.AddAfter(o.key(), wait)
		return
	}
	o.markWritten(&o.postponed.outcome, now)
	r.commit(o, o.postponed)
}

// markWritten notes that an outcome is written that differs from the reported one only in what may vary.
func (o *object) markWritten(written *outcome, now time.Time) {
	o.limit.report(written.limit, o.lastReported.limit, now)
	if written.texts != o.lastReported.texts {
		o.texts.written(now)
	}
}
