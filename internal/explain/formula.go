package explain

import (
	"fmt"

	"github.com/impulse-sh/impulse/scalers"
)

// formula is a trigger's division with its numbers; what it comes to is the proposal.
func formula(t *scalers.Trigger, e *scalers.Event) string {
	switch {
	case t.Exact:
		return e.Value.String() + " replicas"
	case t.Metric == scalers.Value && e.Current > 0:
		return fmt.Sprintf("%s / %s × %d ready", e.Value, t.Target, e.Ready)
	default:
		return fmt.Sprintf("%s / %s per replica", e.Value, t.Target)
	}
}
