package compile

import (
	"cmp"
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

// Paused reports whether any annotation pauses an object.
func Paused(so *v1alpha1.ScaledObject) bool {
	return pausedOf(so, &errorList{}) != scalers.Paused{}
}

// Pause returns how the annotations pause the object, as the reason and the message of a condition; both are "" without a pause.
func (w *Workload) Pause() (reason, message string) {
	switch p := &w.Policy.Paused; {
	case p.Fixed:
		return v1alpha1.ReasonPausedReplicas, fmt.Sprintf("the annotation %s keeps the count at %d", w.annotation("paused-replicas"), p.At)
	case p.All:
		return v1alpha1.ReasonPaused, fmt.Sprintf("the annotation %s keeps the count as it is", w.annotation("paused"))
	case p.In && p.Out:
		return v1alpha1.ReasonPaused, fmt.Sprintf("the annotations %s and %s keep the count as it is", w.annotation("paused-scale-in"), w.annotation("paused-scale-out"))
	case p.In:
		return v1alpha1.ReasonPausedScaleIn, fmt.Sprintf("the annotation %s keeps the count from going down", w.annotation("paused-scale-in"))
	case p.Out:
		return v1alpha1.ReasonPausedScaleOut, fmt.Sprintf("the annotation %s keeps the count from going up", w.annotation("paused-scale-out"))
	default:
		return "", ""
	}
}

// annotation returns the full name of an annotation that pauses the object.
func (w *Workload) annotation(name string) string {
	return cmp.Or(w.paused[name], AnnotationGroups[0]+name)
}

// pausedBy maps the name of each annotation of the object that may pause it to its full name; nil for none.
func pausedBy(so *v1alpha1.ScaledObject) map[string]string {
	var all map[string]string
	for _, name := range Annotations {
		if key, _ := annotation(so, name); key != "" {
			if all == nil {
				all = map[string]string{}
			}
			all[name] = key
		}
	}
	return all
}
