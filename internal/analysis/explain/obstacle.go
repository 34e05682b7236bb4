package explain

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Obstacle keeps the target from having the wanted count, or acts on that count.
type Obstacle struct {
	// Reason is one word for machines, as of a condition.
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Blocks: nothing is written while the obstacle exists.
	Blocks bool `json:"blocks,omitempty"`
}

// obstaclesOf returns the obstacles at a time, which are in the spec and in the status of an object, each reason once.
func obstaclesOf(w *compile.Workload, s *v1alpha1.ScaledObjectStatus, now time.Time) []Obstacle {
	var all []Obstacle
	add := func(o Obstacle) {
		if o.Reason != "" && !slices.ContainsFunc(all, func(known Obstacle) bool { return known.Reason == o.Reason }) {
			all = append(all, o)
		}
	}
	if w.DryRun {
		add(Obstacle{v1alpha1.ReasonDryRun, w.DryRunMessage(), true})
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionAbleToScale} {
		if c := meta.FindStatusCondition(s.Conditions, kind); c != nil && obstructs(c) {
			add(Obstacle{c.Reason, c.Message, c.Status == metav1.ConditionFalse})
		}
	}
	if len(all) == 0 && s.ObservedGeneration < w.Generation {
		add(Obstacle{"NotObserved", "Impulse has not decided on this version of the object yet", true})
	}
	reason, message := w.Pause(scalers.InstantOf(now))
	add(Obstacle{reason, message, false})
	return all
}

// obstructs reports whether a condition is an obstacle. An unknown trigger is none: the decision takes it into account.
func obstructs(c *metav1.Condition) bool {
	switch c.Reason {
	case v1alpha1.ReasonTriggerFailed, v1alpha1.ReasonWaitingForTriggers:
		return false
	case v1alpha1.ReasonContested:
		return true
	default:
		return c.Status == metav1.ConditionFalse
	}
}

// noticesOf returns the notices on an object: its annotations without an effect, and the remarks of its status on triggers that are
// known.
func noticesOf(w *compile.Workload, s *v1alpha1.ScaledObjectStatus) []string {
	var all []string
	if w.UnknownAnnotations != "" {
		all = append(all, line(w.UnknownAnnotations)) // Nothing has checked the keys of a file.
	}
	for _, kind := range []string{v1alpha1.ConditionAlertStale, v1alpha1.ConditionSourceNotice} {
		c := meta.FindStatusCondition(s.Conditions, kind)
		if c != nil && (c.Status == metav1.ConditionTrue || c.Reason == v1alpha1.ReasonTTLExpired) {
			all = append(all, c.Message)
		}
	}
	return all
}

// unknownObstacles returns the unknown trigger that keeps the count, if one does: an unknown level lowers nothing.
func (e *Explanation) unknownObstacles() []Obstacle {
	keeps := slices.Contains(e.LimitedBy, scalers.RuleUnknown.String()) && !slices.Contains(e.LimitedBy, scalers.RuleFallback.String())
	if e.From != e.To || !keeps && !strings.HasPrefix(e.Unchanged, "held, as nothing is known") {
		return nil
	}
	for i := range e.Triggers {
		switch t := &e.Triggers[i]; t.Unknown {
		case "":
		case scalers.NotRead.String():
			return []Obstacle{{v1alpha1.ReasonWaitingForTriggers, t.Name + " " + t.Unknown, false}}
		default:
			return []Obstacle{{v1alpha1.ReasonTriggerFailed, t.Name + " " + t.Unknown, false}}
		}
	}
	return nil
}

// blocked reports whether nothing is written.
func (e *Explanation) blocked() bool {
	return slices.ContainsFunc(e.Obstacles, func(o Obstacle) bool { return o.Blocks })
}

// obstacleText lists the obstacles as the end of a sentence; "" when there is none.
func (e *Explanation) obstacleText() string {
	all := make([]string, len(e.Obstacles))
	for i, o := range e.Obstacles {
		all[i] = o.Reason + ": " + o.Message
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, "; ")
}
