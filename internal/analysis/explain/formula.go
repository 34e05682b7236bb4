package explain

import (
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
)

// formula returns a trigger's division with its numbers; its result is the proposal q.
func formula(t *scalers.Trigger, e *scalers.Event, q *scalers.Proposal) string {
	switch {
	case q.AddsNothing:
		return q.Level.String() + ": adds nothing"
	case t.Increment.Amount != 0:
		return fmt.Sprintf("base %d + %s × %s", q.Base, t.Increment, whole(q.Level))
	case t.Exact:
		return q.Level.String() + " replicas"
	case t.PerPod:
		return overPods(t, q)
	case t.Metric == scalers.Value && e.Current > 0:
		return fmt.Sprintf("%s / %s × %d ready", q.Level, t.Target, e.Ready)
	default:
		return fmt.Sprintf("%s / %s per replica", q.Level, t.Target)
	}
}

// whole rounds a level down to a whole unit.
func whole(m scalers.Milli) scalers.Milli { return m - m%1000 }

// partOf describes the level of a trigger that is an input of the formula of all triggers.
func partOf(q *scalers.Proposal) string { return q.Level.String() + ", part of the formula" }

// overPods returns the division of a reading of single pods, and how its level came about.
func overPods(t *scalers.Trigger, q *scalers.Proposal) string {
	n, unit := &q.Pods, ""
	measured := fmt.Sprintf("%d measured", n.Ready)
	if t.Metric == scalers.Utilization {
		unit = "%"
		measured += fmt.Sprintf(": %s used of %s requested on average", n.Mean, n.Request)
	}
	if n.Counted != n.Ready {
		measured += fmt.Sprintf(", %s%s", q.Level, unit)
	}
	all := []string{measured}
	for _, part := range []struct {
		n    int32
		what string
	}{{n.Missing, "without a sample"}, {n.Unready, "not ready"}, {n.Ignored, "ignored"}, {n.Surplus, "not listed"}} {
		if part.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	pods := "pods"
	if n.Counted == 1 {
		pods = "pod"
	}
	return fmt.Sprintf("%s%s / %s%s × %d %s (%s)", n.Level, unit, t.Target, unit, n.Counted, pods, strings.Join(all, "; "))
}
