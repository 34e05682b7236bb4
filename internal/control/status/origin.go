package status

import (
	"context"
	"errors"
	"fmt"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
)

// origin is the original count of an object's target: the count before it was first scaled.
type origin struct {
	// reference identifies the target; another target has its own original count.
	reference string
	count     *int32
	// durable is true once a status with the count has been stored.
	durable bool
	// waiting is what callers of StoreOriginal wait for; nil if none does.
	waiting *waiting
}

// waiting is the wait until an original count is stored. ended is closed at its end; err is then why the count is not stored, or nil. sent is
// true once a status with the count has been sent.
type waiting struct {
	ended chan struct{}
	err   error
	sent  bool
}

// errNotSent is no timeout of the API server: the status waited for its turn.
var errNotSent = errors.New("its status has not had its turn yet")

// endWait ends the wait for the count, which is stored unless there is an error.
func (o *origin) endWait(err error) {
	if o.waiting != nil {
		o.waiting.err = err
		close(o.waiting.ended)
		o.waiting = nil
	}
}

// originOf returns the origin in a status.
func originOf(s *v1alpha1.ScaledObjectStatus) origin {
	return origin{reference: s.Reference, count: s.OriginalReplicaCount, durable: s.OriginalReplicaCount != nil}
}

// of returns the original count of a target; nil if it is not known.
func (o *origin) of(reference string) *int32 {
	if o.reference != reference {
		return nil
	}
	return o.count
}

// observe sets the original count to the current one, unless it is set, if Impulse may scale the target: its count is known, no
// HorizontalPodAutoscaler scales it, and the workload is not a dry run.
func (o *origin) observe(p *autoscaler.Outcome) {
	if p.TargetKnown && p.Target.ForeignHPA == "" && !p.Workload.DryRun {
		o.set(p.Workload.Target.String(), p.Target.Scale.Replicas)
	}
}

// set sets the original count of a target, unless it is set.
func (o *origin) set(reference string, count int32) {
	if o.of(reference) == nil {
		o.reference, o.count, o.durable = reference, &count, false
	}
}

// markStored marks the count as durable if a stored status has it.
func (o *origin) markStored(s *v1alpha1.ScaledObjectStatus) {
	if s.OriginalReplicaCount == nil || o.reference != s.Reference || o.durable {
		return
	}
	o.durable = true
	o.endWait(nil)
}

// StoreOriginal stores the original count of a target in the status, and returns when it is stored. count is the original count, unless
// an earlier one is known. It returns ErrGone as soon as the status is not going to be written, because the object is gone or this process
// does not lead.
func (r *Reporter) StoreOriginal(ctx context.Context, of Object, reference string, count int32) error {
	const failed = "the original count must be stored before the first write: %w"
	r.mu.Lock()
	o := r.objects[of.key()]
	if o == nil || o.UID != of.UID {
		r.mu.Unlock()
		return fmt.Errorf(failed, ErrGone)
	}
	o.origin.set(reference, count)
	if o.origin.durable {
		r.mu.Unlock()
		return nil
	}
	if o.origin.waiting == nil {
		o.origin.waiting = &waiting{ended: make(chan struct{})}
	}
	wait := o.origin.waiting
	status := &v1alpha1.ScaledObjectStatus{}
	if newest := o.newest(); newest != nil {
		status = newest.DeepCopy()
	}
	status.Reference, status.OriginalReplicaCount = reference, o.origin.count
	o.setPending(status)
	r.queue.Add(of.key()) // At once: the write to the target waits for it.
	r.queue.First(of.key())
	r.mu.Unlock()
	var err error
	select {
	case <-wait.ended:
		err = wait.err
	case <-ctx.Done():
		err = r.whyLate(ctx, wait)
	}
	if err != nil {
		return fmt.Errorf(failed, err)
	}
	return nil
}

// whyLate returns why an original count is not stored when ctx is done.
func (r *Reporter) whyLate(ctx context.Context, w *waiting) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !w.sent {
		return errNotSent
	}
	return ctx.Err()
}

// newest returns the newest status, which must not be changed; nil if there is none.
func (o *object) newest() *v1alpha1.ScaledObjectStatus {
	for _, s := range []*v1alpha1.ScaledObjectStatus{o.pending, o.latest, o.stored} {
		if s != nil {
			return s
		}
	}
	return nil
}

// Original returns the original count of an object's target; nil if it is not known.
func (r *Reporter) Original(so *v1alpha1.ScaledObject, reference string) *int32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o := r.objects[so.Namespace+"/"+so.Name]; o != nil && o.UID == string(so.UID) {
		return o.origin.of(reference)
	}
	remembered := originOf(&so.Status)
	return remembered.of(reference)
}

// Event records an Event that is not about a decision, and logs it.
func (r *Reporter) Event(of Object, warning bool, reason, note string) {
	r.recorder.Event(of, warning, reason, shorten(note))
	if warning {
		r.log.Warn("event", "namespace", of.Namespace, "object", of.Name, "reason", reason, "why", note)
		return
	}
	r.log.Info("event", "namespace", of.Namespace, "object", of.Name, "reason", reason, "why", note)
}
