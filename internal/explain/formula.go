package explain

import (
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
)

// formula is a trigger's division with its numbers; what it comes to is the proposal q.
func formula(t *scalers.Trigger, e *scalers.Event, q *scalers.Proposal) string {
	switch {
	case q.Quiet:
		return q.Level.String() + ": adds nothing"
	case t.Increment.Amount != 0:
		return fmt.Sprintf("base %d + %s × %s", q.Base, t.Increment, whole(q.Level))
	case t.Exact:
		return q.Level.String() + " replicas"
	case t.PerPod && t.Metric == scalers.Utilization:
		return fmt.Sprintf("%s%% / %s%% × %s", q.Level, t.Target, pods(q))
	case t.PerPod:
		return fmt.Sprintf("%s / %s × %s", q.Level, t.Target, pods(q))
	case t.Metric == scalers.Value && e.Current > 0:
		return fmt.Sprintf("%s / %s × %d ready", q.Level, t.Target, e.Ready)
	default:
		return fmt.Sprintf("%s / %s per replica", q.Level, t.Target)
	}
}

// whole is a level without what is left over of a whole unit.
func whole(m scalers.Milli) scalers.Milli { return m - m%1000 }

// pods says what became of the pods of a reading.
func pods(q *scalers.Proposal) string {
	all := []string{fmt.Sprintf("%d measured", q.Pods.Ready)}
	for _, part := range []struct {
		n    int32
		what string
	}{{q.Pods.Missing, "without a sample"}, {q.Pods.Unready, "not ready"}, {q.Pods.Ignored, "ignored"}} {
		if part.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	return strings.Join(all, ", ")
}
