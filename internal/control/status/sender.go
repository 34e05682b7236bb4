package status

import (
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// SenderRefused records an Event on every object of a namespace with a trigger that receives messages: a sender was refused, and its
// program may not show the answer. The caller limits the rate.
func (r *Reporter) SenderRefused(namespace, why string) {
	var all []Object
	r.mu.Lock()
	for _, o := range r.objects {
		if o.Namespace == namespace && o.receives {
			all = append(all, o.Object)
		}
	}
	r.mu.Unlock()
	for _, of := range all {
		r.recorder.Event(of, true, v1alpha1.ReasonSenderRefused, shorten(fmt.Sprintf("a sender for namespace %s was refused: %s", namespace, why)))
	}
}

// receives reports whether a trigger of a workload receives messages of senders.
func receives(w *compile.Workload) bool {
	for i := range w.Triggers {
		if w.Triggers[i].Kind.Receives {
			return true
		}
	}
	return false
}
