package status

import (
	"context"
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

// origin is the count that an object's target had before it was first scaled.
type origin struct {
	// reference is the target that has it; another one has an origin of its own.
	reference string
	count     *int32
	// durable is true once a status with it is known to be stored; waiting is closed then.
	durable bool
	waiting chan struct{}
}

// originOf reads what a status remembers.
func originOf(s *v1alpha1.ScaledObjectStatus) origin {
	return origin{reference: s.Reference, count: s.OriginalReplicaCount, durable: s.OriginalReplicaCount != nil}
}

// of is the count of a target; nil when it is not known.
func (o *origin) of(reference string) *int32 {
	if o.reference != reference {
		return nil
	}
	return o.count
}

// observe notes the count of a target that nobody has noted before, and that may be scaled from now on.
func (o *origin) observe(p *autoscaler.Outcome) {
	if p.TargetKnown && p.Target.ForeignHPA == "" && !p.Workload.DryRun {
		o.set(p.Workload.Target.String(), p.Target.Scale.Replicas)
	}
}

// set notes the count of a target unless there is one.
func (o *origin) set(reference string, count int32) {
	if o.of(reference) == nil {
		o.reference, o.count, o.durable = reference, &count, false
	}
}

// markStored notes that a status is stored.
func (o *origin) markStored(s *v1alpha1.ScaledObjectStatus) {
	if s.OriginalReplicaCount == nil || o.reference != s.Reference || o.durable {
		return
	}
	o.durable = true
	if o.waiting != nil {
		close(o.waiting)
		o.waiting = nil
	}
}

// StoreOriginal makes durable which count a target had before it was first scaled, and returns when it is. seen is that count,
// unless an earlier one is known.
func (r *Reporter) StoreOriginal(ctx context.Context, of Object, reference string, seen int32) error {
	r.mu.Lock()
	o := r.object(of)
	o.origin.set(reference, seen)
	if o.origin.durable {
		r.mu.Unlock()
		return nil
	}
	if o.origin.waiting == nil {
		o.origin.waiting = make(chan struct{})
	}
	waiting := o.origin.waiting
	status := o.newest()
	status.Reference, status.OriginalReplicaCount = reference, o.origin.count
	o.setPending(status)
	r.queue.Add(of.key()) // Nothing is written to the target before this is.
	r.mu.Unlock()
	select {
	case <-waiting:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the original count is not stored yet, and comes before any other: %w", ctx.Err())
	}
}

// newest is a copy of the newest status that there is.
func (o *object) newest() *v1alpha1.ScaledObjectStatus {
	for _, s := range []*v1alpha1.ScaledObjectStatus{o.pending, o.latest, o.stored} {
		if s != nil {
			return s.DeepCopy()
		}
	}
	return &v1alpha1.ScaledObjectStatus{}
}

// Original is the count that an object's target had before it was first scaled; nil when it is not known.
func (r *Reporter) Original(so *v1alpha1.ScaledObject, reference string) *int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.objects[so.Namespace+"/"+so.Name]; o != nil && o.UID == string(so.UID) {
		return o.origin.of(reference)
	}
	remembered := originOf(&so.Status)
	return remembered.of(reference)
}

// Event says something of an object that is not part of a decision: as an Event and in the log.
func (r *Reporter) Event(of Object, warning bool, reason, note string) {
	r.recorder.Event(of, warning, reason, shorten(note))
	if warning {
		r.log.Warn("worth knowing", "namespace", of.Namespace, "object", of.Name, "reason", reason, "why", note)
		return
	}
	r.log.Info("note", "namespace", of.Namespace, "object", of.Name, "reason", reason, "why", note)
}
