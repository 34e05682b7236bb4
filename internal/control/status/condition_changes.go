package status

import (
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// conditionChange is a problem that has begun or ended.
type conditionChange struct {
	warning      bool
	reason, note string
}

// changes returns the problems that have begun or ended since the last call.
func (o *object) changes(p *autoscaler.Outcome) []conditionChange {
	var news []conditionChange
	change := func(key, reason, why, over string) {
		was := o.problems[key]
		switch {
		case why != "" && was == "":
			o.recordProblem(key, reason)
			news = append(news, conditionChange{true, reason, why})
		case why == "" && was != "":
			delete(o.problems, key)
			news = append(news, conditionChange{false, v1alpha1.ReasonRecovered, was + " is over: " + over})
		}
	}
	change("annotations", v1alpha1.ReasonUnknownAnnotation, p.Workload.UnknownAnnotations, "all annotations have an effect again")
	for i := range p.Events {
		if p.Events[i].At == 0 {
			continue
		}
		name := p.Workload.Triggers[i].Name
		why := unknownBecause(p, i)
		if why != "" {
			why = fmt.Sprintf("trigger %s is unknown, and unknown never lowers: %s", name, shorten(why))
		}
		change("trigger "+name, v1alpha1.ReasonTriggerFailed, why, "trigger "+name+" is known again")
		if why != "" {
			continue // The state of its source is unknown, too.
		}
		n, source := noticeOf(p, i), "source of trigger "+name
		over := "trigger " + name + " no longer reports it"
		if n.Reason != o.problems[source] {
			change(source, "", "", over)
		}
		change(source, n.Reason, n.Text, over)
		news = append(news, o.alertChanges(name, &p.Events[i])...)
	}
	reason, why := blockedBy(p)
	if reason == v1alpha1.ReasonTargetUnknown && p.Target.Err == nil {
		return news
	}
	target := p.Workload.Target.String()
	change("target "+target, reason, why, target+" can be scaled again")
	return news
}

// recordProblem records that a problem has begun. Most objects never have one, and no map.
func (o *object) recordProblem(key, reason string) {
	if o.problems == nil {
		o.problems = map[string]string{}
	}
	o.problems[key] = reason
}

// alertChanges returns the changes of the alerts of a trigger: one has become stale, was repeated or resolved, or its ttl has expired.
func (o *object) alertChanges(trigger string, e *scalers.Event) []conditionChange {
	key := "alerts of trigger " + trigger
	was, reason, why := o.problems[key], "", ""
	switch {
	case e.Stale:
		reason, why = v1alpha1.ConditionAlertStale, e.Unconfirmed
	case e.Lapsed != "":
		reason, why = v1alpha1.ReasonTTLExpired, e.Lapsed
	}
	if reason == was {
		return nil
	}
	if reason != "" {
		o.recordProblem(key, reason)
		return []conditionChange{{true, reason, trigger + ": " + why}}
	}
	delete(o.problems, key)
	if was == v1alpha1.ReasonTTLExpired {
		return []conditionChange{{false, v1alpha1.ReasonRecovered, was + " is over: the alert of trigger " + trigger + " fires again"}}
	}
	return []conditionChange{{false, v1alpha1.ReasonRecovered, was + " is over: the alerts of trigger " + trigger + " were repeated or are resolved"}}
}

// expiredAlerts lists the alerts whose ttl has expired; "" if there are none.
func expiredAlerts(p *autoscaler.Outcome) string {
	var all []string
	for i := range p.Events {
		if e := &p.Events[i]; e.Lapsed != "" {
			all = append(all, fmt.Sprintf("%s: %s", p.Workload.Triggers[i].Name, e.Lapsed))
		}
	}
	return strings.Join(all, "; ")
}

// whyOf explains a count. If it is lower than from, this includes the alerts whose ttl has expired.
func whyOf(p *autoscaler.Outcome, policy *scalers.Policy, d *scalers.Decision, from int32) string {
	why := policy.Why(d)
	if lapsed := expiredAlerts(p); lapsed != "" && d.Replicas < from {
		why += "; " + lapsed
	}
	return why
}

// scaledNote describes a change of the count.
func scaledNote(p *autoscaler.Outcome, why string) string {
	return shorten(fmt.Sprintf("%s from %d to %d: %s", p.Workload.Target, p.Write.From, p.Write.To, why))
}
