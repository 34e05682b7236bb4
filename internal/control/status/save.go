package status

import (
	"context"
	"errors"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// ErrGone is returned if an object no longer exists.
var ErrGone = errors.New("the object is gone")

// SetGate sets a function that waits until a status of a namespace may be written, or until its context is done. It is called before Run, and
// end with the error of each write.
func (r *Reporter) SetGate(begin func(ctx context.Context, namespace string) (end func(error))) {
	r.begin = begin
}

// save writes the status of an object that is the newest one when the write may begin: it waits for that until ctx is done. The write ends
// when saving is done. A failed write is retried, with exponential back-off. It returns the error of the API server.
func (r *Reporter) save(ctx, saving context.Context, key string) error {
	r.endInterim(key)
	end := func(error) {}
	if r.begin != nil && r.waits(key) {
		end = r.begin(ctx, namespaceIn(key))
	}
	err := r.write(saving, key)
	end(err)
	return err
}

// waits reports whether a status of an object waits to be written.
func (r *Reporter) waits(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.objects[key]
	return o != nil && (o.pending != nil || o.postponed != nil && o.unsettled(time.Now()) <= 0)
}

// write writes the newest status of an object, and returns the error of the API server.
func (r *Reporter) write(ctx context.Context, key string) error {
	r.mu.Lock()
	o := r.objects[key]
	if o != nil && o.pending == nil && o.postponed != nil {
		r.promote(o)
	}
	if o == nil || o.pending == nil {
		r.mu.Unlock()
		return nil
	}
	status := o.pending
	o.pending = nil
	o.written = time.Now()
	if o.origin.waiting != nil {
		o.origin.waiting.sent = true
	}
	r.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	err := r.store.Save(ctx, o.Object, status)
	switch {
	case err == nil:
		r.metrics.statusWrites.WithLabelValues("success").Inc()
		r.queue.Forget(key)
		r.mu.Lock()
		o.origin.markStored(status)
		r.mu.Unlock()
	case errors.Is(err, ErrGone):
		r.queue.Forget(key)
		r.mu.Lock()
		o.retain(status)
		o.origin.endWait(err)
		r.mu.Unlock()
	default:
		r.metrics.statusWrites.WithLabelValues("error").Inc()
		if !r.queue.ShuttingDown() { // Otherwise it was cut off, or is left to the next leader.
			r.log.Warn("status cannot be written; retrying", "object", key, "error", err)
		}
		r.mu.Lock()
		o.retain(status)
		r.mu.Unlock()
		r.queue.AddRateLimited(key)
	}
	return err
}

// retain makes a status that was not written the pending one again, unless there is a newer one. The caller must hold the mutex of the reporter.
func (o *object) retain(status *v1alpha1.ScaledObjectStatus) {
	if o.pending == nil {
		o.pending = status
	}
}
