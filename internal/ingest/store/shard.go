package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// MaxShard bounds a shard in bytes when records are added. A write therefore does not grow with the number of stored records, and
	// a change in one namespace writes nothing of another.
	MaxShard = 8 << 10
	// longestShard bounds a shard in bytes after its records have grown in place: etcd takes at most 1.5 MiB.
	longestShard = 1 << 20
	// maxSparse is the number of shards from which on a delivery adds its records to shards of earlier deliveries, and maxTenantSparse
	// that of the shards of one namespace. They bound how many writes it takes when everything that is stored changes.
	maxSparse       = 1024
	maxTenantSparse = 256
)

// shard is the records of one namespace that are written together, as one object or file.
type shard struct {
	number int
	// tenant is the namespace of the records; the writer's unowned while there are none.
	tenant  *tenant
	entries map[*entry]struct{}
	// bytes bounds the size of the records in JSON.
	bytes int
	// lostAt is when earlier content was found to be unreadable.
	lostAt time.Time
	// changes counts the changes, and saved how many of them are durable. rewriteFrom is how many must be durable before any of them
	// counts as durable: another process changed the shard.
	changes, saved, rewriteFrom int
	waiters                     []waiter
	// queued: the shard waits for its turn; writing: its write is in flight, and again: it has changed since.
	queued, writing, again bool
	// turn is the namespace in whose turn the shard is being written.
	turn *tenant
	// retry is when a failed write is retried, and backoff the delay after the next failure.
	retry   deadline[*shard]
	backoff time.Duration
	// moving: some records move to another shard, and none may be added meanwhile.
	moving bool
}

// waiter is a delivery that waits until a number of changes is durable.
type waiter struct {
	until int
	done  chan error
}

// shard returns a shard by its number, and makes it if there is none.
func (w *writer) shard(number int) *shard {
	h := w.shards[number]
	if h == nil {
		h = &shard{number: number, tenant: w.unowned, entries: map[*entry]struct{}{}, backoff: saveRetry}
		h.retry.owner = h
		w.shards[number] = h
		w.unowned.shards[h] = struct{}{}
	}
	return h
}

// assign makes a shard a namespace's.
func (h *shard) assign(t *tenant) {
	delete(h.tenant.shards, h)
	if h.tenant.open == h {
		h.tenant.open = nil
	}
	h.tenant = t
	t.shards[h] = struct{}{}
}

// hasRoom reports whether a record of a size in bytes may be added. An empty shard has room for any.
func (h *shard) hasRoom(size int) bool {
	return !h.moving && (len(h.entries) == 0 || h.bytes+size <= MaxShard)
}

// beginDelivery has the records that are added from now on share no shard with those that were added before, unless shardFor says so.
func (w *writer) beginDelivery() { w.delivery++ }

// sparse reports whether a namespace has so few shards that its deliveries need not share any.
func (w *writer) sparse(t *tenant) bool {
	return len(w.shards)-len(w.unowned.shards) < maxSparse && len(t.shards) < maxTenantSparse
}

// keepsUp reports whether no earlier records of a namespace wait for a write that new ones could share.
func (t *tenant) keepsUp() bool { return len(t.queue) == 0 && t.open.saved == t.open.changes }

// shardFor returns the shard that a new record of a namespace is added to. Records that arrive together share a shard, so that they
// are written together. Those of different deliveries change at different times, and each change writes all of a shard: they share one
// only if earlier records wait to be written, or if there are many shards.
func (w *writer) shardFor(namespace string, size int) *shard {
	t := w.tenant(namespace)
	if t.open == nil || !t.open.hasRoom(size) || t.openedBy != w.delivery && w.sparse(t) && t.keepsUp() {
		t.open, t.openedBy = w.openShard(t, size), w.delivery
	}
	return t.open
}

// openShard returns an empty shard. If a namespace has many shards, it returns one of them that is at most half full, if there is one. Of
// several it returns the one with the lowest number.
func (w *writer) openShard(t *tenant, size int) *shard {
	var found *shard
	better := func(h *shard) bool { return h.hasRoom(size) && (found == nil || h.number < found.number) }
	if !w.sparse(t) {
		for h := range t.shards {
			if h.bytes <= MaxShard/2 && better(h) {
				found = h
			}
		}
	}
	if found != nil {
		return found
	}
	for h := range w.unowned.shards {
		if h.lostAt.IsZero() && !h.queued && !h.writing && better(h) {
			found = h
		}
	}
	for ; found == nil; w.unused++ {
		if w.shards[w.unused] == nil {
			found = w.shard(w.unused)
		}
	}
	found.assign(t)
	return found
}

// release returns an empty shard to those that any namespace may use.
func (w *writer) release(h *shard) {
	t := h.tenant
	if t == w.unowned || len(h.entries) > 0 {
		return
	}
	h.assign(w.unowned)
	if len(t.shards) == 0 && t.inFlight == 0 {
		delete(w.tenants, t.namespace)
	}
}

// changed has a record written.
func (w *writer) changed(e *entry) {
	e.markWritten()
	e.shard.changes++
	e.change = e.shard.changes
	w.enqueue(e.shard)
}

// invalidate has all of a shard written again, and counts none of it as durable until then: another process changed the shard.
func (h *shard) invalidate() {
	h.changes++
	h.rewriteFrom = h.changes
}

// content returns what is written of a shard.
func (h *shard) content(now time.Time) Shard {
	all := make([]v1alpha1.AlertRecord, 0, len(h.entries))
	for e := range h.entries {
		e.markWritten()
		all = append(all, e.AlertRecord)
	}
	return Shard{Alerts: all, AsOf: micro(now).Time, LostAt: h.lostAt}
}

// changeSet is how many changes of each shard a delivery waits for.
type changeSet map[*shard]int

// add has the last change of a record waited for, and no later change of its shard: a repeat of a durable record would wait for
// ever while there are changes faster than they are written.
func (c changeSet) add(e *entry) { c[e.shard] = max(c[e.shard], e.change) }

// waitFor has the changes of a delivery written, and returns what to wait for until they are durable. A shard whose last write failed
// is retried at once.
func (w *writer) waitFor(changes changeSet) []waiter {
	var all []waiter
	for h, until := range changes {
		if until = max(until, h.rewriteFrom); until > h.saved {
			one := waiter{until: until, done: make(chan error, 1)}
			h.waiters = append(h.waiters, one)
			all = append(all, one)
			w.enqueue(h)
		}
	}
	return all
}

// notifyWaiters ends the waiting for the changes that were written, or that could not be written.
func (h *shard) notifyWaiters(written int, err error) {
	if err == nil {
		h.saved = written
	}
	h.waiters = slices.DeleteFunc(h.waiters, func(w waiter) bool {
		if w.until > written {
			return false
		}
		w.done <- err
		return true
	})
}

// waitAll waits until everything is durable.
func waitAll(ctx context.Context, all []waiter) error {
	var failed []error
	for _, w := range all {
		select {
		case err := <-w.done:
			failed = append(failed, err)
		case <-ctx.Done():
			return fmt.Errorf("record the alerts: %w", context.Cause(ctx))
		}
	}
	return errors.Join(failed...)
}
