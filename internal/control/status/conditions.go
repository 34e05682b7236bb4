package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// conditions are the conditions of an object, with the times of their last transitions. Statuses share the list, so it is replaced, and never
// changed once it is set.
type conditions struct{ list []metav1.Condition }

// usualConditions is how many conditions an object has that never had a stale alert or a notice.
const usualConditions = 5

// own replaces the list by a copy, which may be changed until a status has it.
func (c *conditions) own() {
	c.list = append(make([]metav1.Condition, 0, max(len(c.list), usualConditions)), c.list...)
}

// set sets a condition to True or False. Its transition time changes only with its status.
func (c *conditions) set(kind string, is bool, reason, message string, generation int64) {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	c.setStatus(kind, status, reason, message, generation)
}

// setStatus is like set, with a status that may be Unknown.
func (c *conditions) setStatus(kind string, status metav1.ConditionStatus, reason, message string, generation int64) {
	meta.SetStatusCondition(&c.list, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: shorten(message), ObservedGeneration: generation,
	})
}

// update sets all conditions from an outcome, and returns the reason that matters most.
func (c *conditions) update(p *autoscaler.Outcome, refused refusal) string {
	c.own()
	generation := p.Workload.Generation
	ready, why := readiness(p)
	if refused.reason != "" {
		ready, why = refused.reason, refused.message
	}
	c.set(v1alpha1.ConditionReady, ready == v1alpha1.ReasonReady, ready, why, max(generation, refused.generation))
	active, why := activity(p)
	c.setStatus(v1alpha1.ConditionActive, active, why, "", generation)
	paused, how := p.Workload.Pause(p.At)
	c.set(v1alpha1.ConditionPaused, paused != "", cmp.Or(paused, v1alpha1.ReasonNotPaused), how, generation)
	blocked, message := blockedBy(p)
	able := blocked == "" || blocked == v1alpha1.ReasonContested
	c.set(v1alpha1.ConditionAbleToScale, able, cmp.Or(blocked, v1alpha1.ReasonReadyToScale), message, generation)
	limited, by := limitedBy(p)
	c.set(v1alpha1.ConditionScalingLimited, limited != "", cmp.Or(limited, v1alpha1.ReasonNotLimited), by, generation)
	stale := c.stale(p, generation)
	notice := c.notices(p, generation)
	switch pause := p.Workload.Policy.Paused.Effective(p.At); {
	case blocked != "":
		return blocked
	case ready != v1alpha1.ReasonReady:
		return ready
	case pause.Fixed || pause.All:
		return paused
	case stale:
		return v1alpha1.ConditionAlertStale
	case foreseen(p): // The count may change soon.
		return cmp.Or(notice, limited, v1alpha1.ReasonAsRecommended)
	default:
		return cmp.Or(limited, notice, paused, v1alpha1.ReasonAsRecommended)
	}
}

// setRefused sets the conditions for a refusal. Unless an older version is in effect, the object is not active, and no count is written.
func (c *conditions) setRefused(reason, message string, generation int64, older bool) {
	c.own()
	c.set(v1alpha1.ConditionReady, false, reason, message, generation)
	if !older {
		c.set(v1alpha1.ConditionActive, false, reason, "", generation)
		c.set(v1alpha1.ConditionAbleToScale, false, reason, message, generation)
	}
}

// activity returns the status and reason of the condition Active. It is False while there is no target, and Unknown while no known
// trigger is active and one is unknown.
func activity(p *autoscaler.Outcome) (status metav1.ConditionStatus, reason string) {
	blocked, _ := blockedBy(p)
	switch {
	case !p.TargetKnown:
		return metav1.ConditionFalse, blocked
	case p.Decided && p.Decision.Active:
		return metav1.ConditionTrue, v1alpha1.ReasonTriggerActive
	case p.Decided && p.Decision.ActivityUnknown(p.Workload.Policy):
		return metav1.ConditionUnknown, v1alpha1.ReasonTriggerUnknown
	default:
		return metav1.ConditionFalse, v1alpha1.ReasonNoTriggerActive
	}
}

// foreseen reports whether a trigger foresees its next level.
func foreseen(p *autoscaler.Outcome) bool {
	return slices.ContainsFunc(p.Events, func(e scalers.Event) bool { return e.Foreseen != scalers.Foreseen{} })
}

// stale sets the condition AlertStale, and reports whether it is True. Objects that never had a stale alert have no such condition.
func (c *conditions) stale(p *autoscaler.Outcome, generation int64) bool {
	var all []string
	for i := range p.Events {
		if e := &p.Events[i]; e.Stale {
			all = append(all, fmt.Sprintf("%s: %s", p.Workload.Triggers[i].Name, e.Unconfirmed))
		}
	}
	over := expiredAlerts(p)
	switch {
	case len(all) > 0:
		c.set(v1alpha1.ConditionAlertStale, true, v1alpha1.ReasonNotRepeated, strings.Join(all, "; "), generation)
	case over != "":
		c.set(v1alpha1.ConditionAlertStale, false, v1alpha1.ReasonTTLExpired, over, generation)
	case meta.FindStatusCondition(c.list, v1alpha1.ConditionAlertStale) != nil:
		c.set(v1alpha1.ConditionAlertStale, false, v1alpha1.ReasonNotStale, "", generation)
	}
	return len(all) > 0
}

// notices sets the condition SourceNotice, and returns its reason if it is True. Objects that never had a notice have no such
// condition.
func (c *conditions) notices(p *autoscaler.Outcome, generation int64) string {
	var reason string
	var all []string
	for i := range p.Events {
		if n := noticeOf(p, i); n.Reason != "" {
			reason = cmp.Or(reason, n.Reason)
			all = append(all, fmt.Sprintf("%s: %s", p.Workload.Triggers[i].Name, n.Text))
		}
	}
	if len(all) > 0 {
		c.set(v1alpha1.ConditionSourceNotice, true, reason, strings.Join(all, "; "), generation)
	} else if meta.FindStatusCondition(c.list, v1alpha1.ConditionSourceNotice) != nil {
		c.set(v1alpha1.ConditionSourceNotice, false, v1alpha1.ReasonNothingToNotice, "", generation)
	}
	return reason
}

// noticeOf returns the notice of trigger i, if it matters for this workload.
func noticeOf(p *autoscaler.Outcome, i int) scalers.Notice {
	n := p.Events[i].Notice
	if n.IdleOnly && p.Workload.Policy.Idle != 0 {
		return scalers.Notice{}
	}
	return n
}

// readiness returns the reason and message of the condition Ready. The message of an object that is ready names annotations that have
// no effect.
func readiness(p *autoscaler.Outcome) (reason, message string) {
	var all []string
	reason, lacks := targetProblem(p)
	if reason != "" {
		all = append(all, lacks)
	}
	waiting := 0
	for i := range p.Events {
		switch why := unknownBecause(p, i); {
		case why == "":
		case p.Events[i].At == 0:
			waiting++
		default:
			reason = cmp.Or(reason, v1alpha1.ReasonTriggerFailed)
			all = append(all, fmt.Sprintf("%s: %s", p.Workload.Triggers[i].Name, why))
		}
	}
	switch {
	case reason != "":
		return reason, strings.Join(all, "; ")
	case waiting > 0:
		return v1alpha1.ReasonWaitingForTriggers, fmt.Sprintf("%d of %d triggers have not been read yet", waiting, len(p.Events))
	default:
		return v1alpha1.ReasonReady, p.Workload.UnknownAnnotations
	}
}

// targetProblem returns the reason and message for which Impulse cannot scale the target; both are "" if it can.
func targetProblem(p *autoscaler.Outcome) (reason, message string) {
	reason, message = blockedBy(p)
	switch reason {
	case v1alpha1.ReasonTargetNotFound, v1alpha1.ReasonNoScaleSubresource, v1alpha1.ReasonForbidden, v1alpha1.ReasonForeignHPA:
		return reason, message
	}
	if !p.TargetKnown {
		return reason, message
	}
	return "", ""
}

// limitedBy returns the reason and message of the rule that limits the count; both are "" if none does.
func limitedBy(p *autoscaler.Outcome) (reason, message string) {
	if !p.Decided {
		return "", ""
	}
	s, limited := p.Decision.Limit()
	if !limited {
		return "", ""
	}
	name := s.Rule.String()
	return strings.ToUpper(name[:1]) + name[1:], p.Workload.Policy.Sentence(p.Decision, s)
}
