package status

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

// Observer follows the statuses of all objects, including those that have no autoscaler.
type Observer interface {
	// Changed is called with the newest status of an object, which nobody changes any more. The reporter's mutex is held: Changed must not
	// wait, and must not call the reporter. It may be called once more after an object was deleted.
	Changed(o Object, status *v1alpha1.ScaledObjectStatus)
}

// Observe sets the observer. It must be called before the first object is reported.
func (r *Reporter) Observe(o Observer) { r.observer = o }

// showStatus passes the newest status of an object to the observer. The caller must hold r.mu.
func (r *Reporter) showStatus(o *object, status *v1alpha1.ScaledObjectStatus) {
	if r.observer != nil {
		r.observer.Changed(o.Object, status)
	}
}

// Status returns the status that an outcome has, whether or not it is due to be written. p is a copy that belongs to the caller.
func (r *Reporter) Status(p *autoscaler.Outcome) *v1alpha1.ScaledObjectStatus {
	var o object
	r.mu.Lock()
	if known := r.objects[p.Workload.Key()]; known != nil && known.UID == string(p.Workload.UID) {
		o = *known
	}
	r.mu.Unlock()
	s := statusOf(p, &o)
	if s.LastDecision != nil {
		s.LastDecision.Time = metav1.NewMicroTime(p.DecidedAt.Time())
	}
	return s
}
