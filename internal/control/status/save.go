package status

import (
	"context"
	"errors"
	"time"
)

// ErrGone is returned if an object no longer exists.
var ErrGone = errors.New("the object is gone")

// work writes statuses until the queue is shut down.
func (r *Reporter) work(ctx context.Context) {
	for {
		key, shutdown := r.queue.Get()
		if shutdown {
			return
		}
		r.save(ctx, key)
		r.queue.Done(key)
	}
}

// save writes the newest status of an object. A failed write is retried, with exponential back-off.
func (r *Reporter) save(ctx context.Context, key string) {
	r.mu.Lock()
	o := r.objects[key]
	if o != nil && o.pending == nil && o.postponed != nil {
		r.promote(o)
	}
	if o == nil || o.pending == nil {
		r.mu.Unlock()
		return
	}
	status := o.pending
	o.pending = nil
	o.written = time.Now()
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
	default:
		r.metrics.statusWrites.WithLabelValues("error").Inc()
		r.log.Warn("status cannot be written; retrying", "object", key, "error", err)
		r.mu.Lock()
		if o.pending == nil {
			o.pending = status
		}
		r.mu.Unlock()
		r.queue.AddRateLimited(key)
	}
}
