package status

import (
	"cmp"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/notify"
	"github.com/impulse-sh/impulse/internal/printable"
)

// Notifier receives what people and programs outside the cluster are told. It does not block.
type Notifier interface {
	// Enabled reports whether anybody is told.
	Enabled() bool
	Notify(e *notify.Event)
}

// SetNotifier sets the Notifier. It is called before the first outcome.
func (r *Reporter) SetNotifier(n Notifier) { r.notifier = n }

// notified is the part of a status whose changes are notifications.
type notified struct {
	// limited, paused and refused are the reasons of conditions; "" while there is none. The messages belong to them.
	limited, paused, refused                      string
	limitedMessage, pausedMessage, refusedMessage string
	triggers                                      []notifiedTrigger
}

// notifiedTrigger is the state of one trigger.
type notifiedTrigger struct {
	name string
	// failure is why the trigger is unknown; "" if it is known. waiting is true until it has been read.
	failure           string
	waiting, fallback bool
}

// notifiedIn returns the part of a status whose changes are notifications. A trigger that has not been read since this process began
// to lead is in the state that it had before.
func notifiedIn(s *v1alpha1.ScaledObjectStatus, before *notified) notified {
	var n notified
	n.limited, n.limitedMessage = holding(s, v1alpha1.ConditionScalingLimited)
	n.paused, n.pausedMessage = holding(s, v1alpha1.ConditionPaused)
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady); c != nil && c.Status == metav1.ConditionFalse {
		switch c.Reason {
		case v1alpha1.ReasonInvalidSpec, v1alpha1.ReasonTargetInUse, v1alpha1.ReasonRestoreFailed:
			n.refused, n.refusedMessage = c.Reason, c.Message
		}
	}
	for _, t := range s.Triggers {
		now := notifiedTrigger{name: t.Name, failure: t.LastError, waiting: t.LastError == notReadYet, fallback: t.Fallback}
		if was := before.trigger(t.Name); now.waiting {
			now.failure, now.fallback = was.failure, was.fallback
		}
		n.triggers = append(n.triggers, now)
	}
	return n
}

// holding returns the reason and message of a condition; both are "" unless its status is True.
func holding(s *v1alpha1.ScaledObjectStatus, kind string) (reason, message string) {
	if c := meta.FindStatusCondition(s.Conditions, kind); c != nil && c.Status == metav1.ConditionTrue {
		return c.Reason, c.Message
	}
	return "", ""
}

// trigger returns the state of a trigger; the zero value, with its name, if there is none.
func (n *notified) trigger(name string) notifiedTrigger {
	for _, t := range n.triggers {
		if t.name == name {
			return t
		}
	}
	return notifiedTrigger{name: name}
}

// changes returns the notifications about the changes from n to now.
func (n *notified) changes(now *notified) []notify.Event {
	var all []notify.Event
	// change adds a notification if a reason began, became another one, or ended.
	change := func(begun, ended notify.Type, was, is, message, over string) {
		switch {
		case is == was:
		case is != "":
			all = append(all, notify.Event{Type: begun, Reason: is, Message: cmp.Or(message, is)})
		default:
			all = append(all, notify.Event{Type: ended, Reason: was, Message: over})
		}
	}
	change(notify.Refused, notify.Accepted, n.refused, now.refused, now.refusedMessage, "the newest version of the object is in effect")
	change(notify.Paused, notify.Resumed, n.paused, now.paused, now.pausedMessage, "the object is no longer paused")
	change(notify.Limited, notify.Unlimited, n.limited, now.limited, now.limitedMessage, "no rule limits the count any longer")
	for i := range now.triggers {
		t := &now.triggers[i]
		was := n.trigger(t.name)
		if (was.failure == "") != (t.failure == "") {
			e := notify.Event{Type: notify.Failing, Trigger: t.name, Message: fmt.Sprintf("trigger %s is unknown, and unknown never lowers: %s", t.name, t.failure)}
			if t.failure == "" {
				e.Type, e.Message = notify.Recovered, "trigger "+t.name+" is known again"
			}
			all = append(all, e)
		}
		if was.fallback != t.fallback {
			e := notify.Event{Type: notify.FallbackBegun, Trigger: t.name, Message: "the fallback determines what trigger " + t.name + " asks for"}
			if !t.fallback {
				e.Type, e.Message = notify.FallbackEnded, "the fallback no longer determines what trigger "+t.name+" asks for"
			}
			all = append(all, e)
		}
	}
	return all
}

// notifyChanges notifies of the differences between a status and the one before. The caller must hold r.mu.
func (r *Reporter) notifyChanges(o *object, s *v1alpha1.ScaledObjectStatus, at time.Time) {
	r.notifyOf(o, notifiedIn(s, &o.notified), s.Reference, at)
}

// notifyRefused notifies of a refusal, unless it is the newest one. The caller must hold r.mu.
func (r *Reporter) notifyRefused(o *object, target string) {
	now := o.notified
	now.refused, now.refusedMessage = o.refusal.reason, shorten(o.refusal.message)
	r.notifyOf(o, now, target, time.Now())
}

// notifyOf notifies of the differences between a state of an object and the one before. The caller must hold r.mu.
func (r *Reporter) notifyOf(o *object, now notified, target string, at time.Time) {
	before := o.notified
	o.notified = now
	if r.notifier == nil || !r.notifier.Enabled() {
		return
	}
	for _, e := range before.changes(&now) {
		e.Time, e.Target = at, target
		r.notify(o, &e)
	}
}

// notifyWrite notifies of a write that changed the count. The caller must hold r.mu.
func (r *Reporter) notifyWrite(o *object, p *autoscaler.Outcome) {
	w := p.Write
	if r.notifier == nil || w == nil || w.Err != nil && w.Stored == w.From || !r.notifier.Enabled() {
		return
	}
	why := whyOf(p, w.Policy, w.Decision, w.From)
	e := &notify.Event{
		Type: notify.Scaled, Time: p.At.Time(), Target: p.Workload.Target.String(), From: w.From, To: w.Stored, LimitedBy: w.Decision.LimitedBy(),
		Message: fmt.Sprintf("%s from %d to %d: %s", p.Workload.Target, w.From, w.Stored, why),
	}
	if i := w.Decision.Winner; i >= 0 && i < len(w.Policy.Triggers) {
		e.Trigger = w.Policy.Triggers[i].Name
	}
	if w.Err != nil {
		e.Message += "; " + w.Err.Error()
	}
	r.notify(o, e)
}

// notify passes a notification about an object on. The caller must hold r.mu.
func (r *Reporter) notify(o *object, e *notify.Event) {
	e.Namespace, e.Name, e.UID, e.Labels = o.Namespace, o.Name, o.UID, o.labels
	e.Message = printable.Line(e.Message, printable.Longest)
	r.notifier.Notify(e)
}
