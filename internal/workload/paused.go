package workload

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/scalers"
)

// Paused reports whether an object is paused, in whatever form.
func Paused(so *v1alpha1.ScaledObject) bool {
	return pausedOf(so, &mistakes{}) != scalers.Paused{}
}

// Pause says what the annotations of the object pause: a reason for machines and a sentence for people; both "" for nothing.
func (w *Workload) Pause() (reason, message string) {
	switch p := &w.Policy.Paused; {
	case p.Fixed:
		return "PausedReplicas", fmt.Sprintf("the annotation paused-replicas keeps the count at %d", p.At)
	case p.Keep:
		return "Paused", "the annotation paused keeps the count as it is"
	case p.In && p.Out:
		return "Paused", "the annotations paused-scale-in and paused-scale-out keep the count as it is"
	case p.In:
		return "PausedScaleIn", "the annotation paused-scale-in keeps the count from going down"
	case p.Out:
		return "PausedScaleOut", "the annotation paused-scale-out keeps the count from going up"
	default:
		return "", ""
	}
}
