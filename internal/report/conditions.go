package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/pipeline"
	"github.com/impulse-sh/impulse/scalers"
)

// conditions are an object's, with the times at which they changed.
type conditions struct{ at []metav1.Condition }

// set sets one; its time moves only when its status changes.
func (c *conditions) set(kind string, is bool, reason, message string, generation int64) {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(&c.at, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: shorten(message), ObservedGeneration: generation,
	})
}

// of sets all of them from a moment, and returns the one reason that matters most.
func (c *conditions) of(p *pipeline.Outcome, refused refusal) string {
	generation := p.Workload.Generation
	ready, why := readiness(p)
	if refused.reason != "" {
		ready, why = refused.reason, refused.message
	}
	c.set(v1alpha1.ConditionReady, ready == "Ready", ready, why, generation)
	active, is := "NoTriggerActive", p.Decided && p.Decision.Active
	if is {
		active = "TriggerActive"
	}
	c.set(v1alpha1.ConditionActive, is, active, "", generation)
	blocked, message := blockedBy(p)
	if blocked == "" {
		c.set(v1alpha1.ConditionAbleToScale, true, "ReadyToScale", "", generation)
	} else {
		c.set(v1alpha1.ConditionAbleToScale, blocked == "Contested", blocked, message, generation)
	}
	limited, by := limits(p)
	c.set(v1alpha1.ConditionScalingLimited, limited != "NotLimited", limited, by, generation)
	c.stale(p, generation)
	c.notices(p, generation)
	switch {
	case blocked != "":
		return blocked
	case ready != "Ready":
		return ready
	case limited != "NotLimited":
		return limited
	default:
		return "AsRecommended"
	}
}

// stale says which alerts still count that have not been repeated; objects that never had one have no such condition.
func (c *conditions) stale(p *pipeline.Outcome, generation int64) {
	var all []string
	for i := range p.Events {
		if e := &p.Events[i]; e.Stale {
			all = append(all, fmt.Sprintf("%s: %s", p.Workload.Triggers[i].Name, e.Unconfirmed))
		}
	}
	if len(all) > 0 {
		c.set(v1alpha1.ConditionAlertStale, true, "NotRepeated", strings.Join(all, "; "), generation)
	} else if meta.FindStatusCondition(c.at, v1alpha1.ConditionAlertStale) != nil {
		c.set(v1alpha1.ConditionAlertStale, false, "Repeated", "", generation)
	}
}

// notices says what triggers have noticed about their sources; objects that never had such a trigger have no such condition.
func (c *conditions) notices(p *pipeline.Outcome, generation int64) {
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
	} else if meta.FindStatusCondition(c.at, v1alpha1.ConditionSourceNotice) != nil {
		c.set(v1alpha1.ConditionSourceNotice, false, "NothingToNotice", "", generation)
	}
}

// noticeOf is what trigger i has noticed about its source and matters to this workload.
func noticeOf(p *pipeline.Outcome, i int) scalers.Notice {
	n := p.Events[i].Notice
	if n.AtRest && p.Workload.Policy.Rest != 0 {
		return scalers.Notice{}
	}
	return n
}

// readiness says whether every trigger is known.
func readiness(p *pipeline.Outcome) (reason, message string) {
	var failed []string
	waiting := 0
	for i := range p.Events {
		switch why := unknownBecause(p, i); {
		case why == "":
		case p.Events[i].At == 0:
			waiting++
		default:
			failed = append(failed, fmt.Sprintf("%s: %s", p.Workload.Triggers[i].Name, why))
		}
	}
	switch {
	case len(failed) > 0:
		return "TriggerFailed", strings.Join(failed, "; ")
	case waiting > 0:
		return "WaitingForTriggers", fmt.Sprintf("%d of %d triggers have not been read yet", waiting, len(p.Events))
	default:
		return "Ready", ""
	}
}

// limits names the last rule after the formula that changed the number.
func limits(p *pipeline.Outcome) (reason, message string) {
	if !p.Decided {
		return "NotLimited", ""
	}
	steps := p.Decision.Steps()
	for _, s := range slices.Backward(steps) {
		if s.Rule != scalers.RuleFormula {
			name := s.Rule.String()
			return strings.ToUpper(name[:1]) + name[1:], p.Workload.Policy.Sentence(p.Decision, s)
		}
	}
	return "NotLimited", ""
}
