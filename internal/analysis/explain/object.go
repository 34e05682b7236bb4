package explain

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// Object explains the decision on an object at an instant, from its status. The error wraps that of Undecided, or names the field of
// the status that cannot be read.
func Object(w *compile.Workload, s *v1alpha1.ScaledObjectStatus, now time.Time) (*Explanation, error) {
	explained := fromCore
	if Recorded(w) {
		explained = FromStatus
	}
	e, err := explained(w, s, now)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", w.Key(), err)
	}
	e.Notices = noticesOf(w, s)
	return e, nil
}

// fromCore takes the decision again.
func fromCore(w *compile.Workload, s *v1alpha1.ScaledObjectStatus, now time.Time) (*Explanation, error) {
	in, err := InputOf(w, s, now)
	if err != nil {
		return nil, err
	}
	schedules, err := SchedulesOf(w)
	if err != nil {
		return nil, err
	}
	return explain(w.Policy, in, schedules, AlertsOf(w), obstaclesOf(w, s, now)), nil
}

// Undecided returns the error that an object has no decision to explain, with the reason that its status has.
func Undecided(s *v1alpha1.ScaledObjectStatus) error {
	what := "nothing has been decided on it yet"
	if s.LastDecision != nil && s.Replicas == nil {
		what = "the count of its target is not known"
	}
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionAbleToScale} {
		if c := meta.FindStatusCondition(s.Conditions, kind); c != nil && c.Status == metav1.ConditionFalse {
			return fmt.Errorf("%s: %s: %s", what, c.Reason, c.Message)
		}
	}
	return fmt.Errorf("%s: does impulse run, and lead?", what)
}

// InputOf returns the input of the decision on an object at an instant, from its status: the levels are those of the last change of
// outcome. The error is that of Undecided, or names the field of the status that cannot be read.
func InputOf(w *compile.Workload, s *v1alpha1.ScaledObjectStatus, now time.Time) (scalers.Input, error) {
	in := scalers.Input{Now: scalers.InstantOf(now)}
	if s.LastDecision == nil || s.Replicas == nil {
		return in, Undecided(s)
	}
	in.Current = *s.Replicas
	if err := in.Memory.UnmarshalText([]byte(s.Memory)); err != nil {
		return in, fmt.Errorf("read the memory in the status: %w", err)
	}
	in.Memory = resumed(in.Memory, in.Now)
	for i := range w.Triggers {
		e, err := readingOf(&w.Policy.Triggers[i], s)
		if err != nil {
			return in, err
		}
		if e.At != 0 || e.Err != nil {
			e.At = in.Now
		}
		e.Current = in.Current
		in.Events = append(in.Events, e)
	}
	return in, nil
}

// resumed returns a memory as of now. It was written when the outcome changed last: every reading since then had the same
// recommendation and the same activity. Failures are still counted from their own readings.
func resumed(m scalers.Memory, now scalers.Instant) scalers.Memory {
	failures := slices.Clone(m.Failures)
	m = m.Resume(now)
	m.Failures = failures
	return m
}

// readingOf returns the reading of a trigger that a status has; a reading without an instant when it has none.
func readingOf(policy *scalers.Trigger, s *v1alpha1.ScaledObjectStatus) (scalers.Event, error) {
	e := scalers.Event{Trigger: policy.Name}
	for i := range s.Triggers {
		t := &s.Triggers[i]
		if t.Name != policy.Name {
			continue
		}
		if t.LastError != "" {
			e.Err = errors.New(t.LastError)
			if e.AtLeast = t.Value != ""; !e.AtLeast {
				return e, nil
			}
		}
		value, err := scalers.ParseMilli(t.Value)
		if err != nil {
			return e, fmt.Errorf("read the value of %s in the status: %w", policy.Name, err)
		}
		e.At, e.Value = 1, value
		e.Activity = activityOf(policy, t.Active, value)
		if e.Foreseen, err = pendingOf(t); err != nil {
			return e, err
		}
		if t.ReadyReplicas != nil {
			e.Ready = *t.ReadyReplicas
		}
	}
	return e, nil
}

// activityOf returns why a trigger was active or not, where its level alone does not tell.
func activityOf(policy *scalers.Trigger, active bool, value scalers.Milli) scalers.Activity {
	above := value > policy.Activation
	switch {
	case active == above || policy.Increment.Amount != 0:
		return scalers.ActiveByLevel
	case active:
		return scalers.ActiveBySource
	default:
		return scalers.InactiveBySource
	}
}

// pendingOf returns the foreseen level of a trigger that a status has.
func pendingOf(t *v1alpha1.TriggerStatus) (scalers.Foreseen, error) {
	if t.Pending == nil {
		return scalers.Foreseen{}, nil
	}
	value, err := scalers.ParseMilli(t.Pending.Value)
	if err != nil {
		return scalers.Foreseen{}, fmt.Errorf("read the pending value of %s in the status: %w", t.Name, err)
	}
	return scalers.Foreseen{At: scalers.InstantOf(t.Pending.At.Time), Value: value}, nil
}
