package explain

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Obstacle is what stands between what is wanted and the count of the target.
type Obstacle struct {
	// Reason is one word for machines, as of a condition.
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Blocks: nothing is written while it stands.
	Blocks bool `json:"blocks,omitempty"`
}

// obstaclesOf returns the obstacles that an object's spec and its status name, each reason once.
func obstaclesOf(w *compile.Workload, s *v1alpha1.ScaledObjectStatus) []Obstacle {
	var all []Obstacle
	add := func(o Obstacle) {
		if o.Reason != "" && !slices.ContainsFunc(all, func(known Obstacle) bool { return known.Reason == o.Reason }) {
			all = append(all, o)
		}
	}
	if w.DryRun {
		add(Obstacle{v1alpha1.ReasonDryRun, w.DryRunBecause(), true})
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionAbleToScale} {
		if c := meta.FindStatusCondition(s.Conditions, kind); c != nil && obstructs(c) {
			add(Obstacle{c.Reason, c.Message, c.Status == metav1.ConditionFalse})
		}
	}
	if len(all) == 0 && s.ObservedGeneration < w.Generation {
		add(Obstacle{"NotObserved", "Impulse has not decided on this version of the object yet", true})
	}
	reason, message := w.Pause()
	add(Obstacle{reason, message, false})
	return all
}

// obstructs reports whether a condition names an obstacle. A trigger that is unknown is none: the decision takes it into account.
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

// noticesOf returns what people should know of an object beside its decision: its annotations that have no effect, and what its
// status says of triggers that are known.
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

// ignorance is what keeps a count because a trigger is unknown: nothing is lowered on an unknown.
func (e *Explanation) ignorance() []Obstacle {
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

// inTheWay says the obstacles, as the end of a sentence; "" when there is none.
func (e *Explanation) inTheWay() string {
	all := make([]string, len(e.Obstacles))
	for i, o := range e.Obstacles {
		all[i] = o.Reason + ": " + o.Message
	}
	if len(all) == 0 {
		return ""
	}
	return ": " + strings.Join(all, "; ")
}
