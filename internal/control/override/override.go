package override

import (
	"strconv"
	"time"

	"github.com/impulse-sh/impulse/internal/kube/objects"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// Terms are the end and the reason of a pause.
type Terms struct {
	// Until is the end; the zero time means none.
	Until  time.Time
	Reason string
}

// Direction is the change of the count that a pause forbids.
type Direction int

// Directions.
const (
	Both Direction = iota
	ScaleIn
	ScaleOut
)

// Pause keeps the count from changing in a direction.
func Pause(d Direction, t Terms) objects.Edit {
	name := map[Direction]string{Both: "paused", ScaleIn: "paused-scale-in", ScaleOut: "paused-scale-out"}[d]
	return replacePause(name, "true", t)
}

// Scale sets the count, whatever the limits are.
func Scale(replicas int32, t Terms) objects.Edit {
	return replacePause("paused-replicas", strconv.Itoa(int(replicas)), t)
}

// Resume removes every pause.
func Resume() objects.Edit {
	e := objects.Edit{Annotations: map[string]*string{compile.PausedUntil: nil, compile.PausedReason: nil}}
	for _, group := range compile.AnnotationGroups {
		for _, name := range compile.Pauses {
			e.Annotations[group+name] = nil
		}
	}
	return e
}

// DryRun switches spec.dryRun on or off.
func DryRun(on bool) objects.Edit { return objects.Edit{DryRun: &on} }

// replacePause replaces every pause by one with an annotation.
func replacePause(name, value string, t Terms) objects.Edit {
	e := Resume()
	e.Annotations[compile.AnnotationGroups[0]+name] = &value
	if !t.Until.IsZero() {
		until := t.Until.UTC().Format(time.RFC3339)
		e.Annotations[compile.PausedUntil] = &until
	}
	if t.Reason != "" {
		e.Annotations[compile.PausedReason] = &t.Reason
	}
	return e
}
