package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	saveTimeout  = 5 * time.Second
	saveRetry    = 200 * time.Millisecond
	longestRetry = 10 * time.Second

	// maxWrites bounds the writes in flight, and maxTenantWrites those of one namespace.
	maxWrites       = 8
	maxTenantWrites = 4
	// pace and tenantPace bound the bytes written per second, and those of one namespace; as much as is written in paceBurst may be
	// written at once. etcd keeps what was written for five minutes and more.
	pace       = 4 << 20
	tenantPace = 2 << 20
	paceBurst  = 2 * time.Second
)

// writer makes records durable by group commit: the changes of a shard that arrive while the shard is being written share its next
// write.
//
// Invariants:
//   - A shard has at most one write in flight, a namespace at most maxTenantWrites, and all together at most maxWrites.
//   - A write contains every change of its shard that was made before it began.
//   - A waiter receives nil only after a successful write that contains its change, and an error only after a failed one.
//   - A shard with changes that are not durable is queued, in flight, or due for a retry.
//   - Namespaces take turns: one that has much to write delays another by no more than the writes in flight.
//
// All methods but run need the mutex, unless their comment says otherwise.
type writer struct {
	mu        *sync.Mutex
	persister Persister
	now       func() time.Time
	// merge reads a shard that another process wrote, and merges it into the records. It is called without the mutex.
	merge func(ctx context.Context, h *shard) error

	// shards are all that were ever used, by number. An empty shard belongs to unowned, and is used again.
	shards  map[int]*shard
	unowned *tenant
	tenants map[string]*tenant
	// unused is a number below which every shard was used, and delivery counts the deliveries that may have added records.
	unused, delivery int
	// queue are the namespaces with queued shards; the namespace that had the last turn is at the end.
	queue    []*tenant
	inFlight int
	budget   budget
	retries  expiryQueue[*shard]
	// wake has an element when there may be something to write.
	wake chan struct{}
}

// tenant is a namespace: its shards, and its share of the writes.
type tenant struct {
	namespace string
	shards    map[*shard]struct{}
	// open is the shard that new records are added to; nil if there is none yet. openedBy is the delivery that opened it.
	open     *shard
	openedBy int
	queue    []*shard
	inFlight int
	budget   budget
}

// budget limits the rate of writes: until is when the bytes that were written use up no more of it.
type budget struct{ until time.Time }

// from returns the time from which on more may be written.
func (b *budget) from() time.Time { return b.until.Add(-paceBurst) }

func (b *budget) spend(bytes, perSecond int, now time.Time) {
	b.until = later(b.until, now).Add(time.Duration(bytes) * time.Second / time.Duration(perSecond))
}

func newWriter(mu *sync.Mutex, p Persister, now func() time.Time, merge func(context.Context, *shard) error) *writer {
	w := &writer{mu: mu, persister: p, now: now, merge: merge, wake: make(chan struct{}, 1)}
	w.reset()
	return w
}

// reset forgets all shards. No write may be in flight.
func (w *writer) reset() {
	w.shards, w.unowned, w.tenants = map[int]*shard{}, newTenant(""), map[string]*tenant{}
	w.unused = 0
	w.queue, w.inFlight, w.retries = nil, 0, expiryQueue[*shard]{}
}

func newTenant(namespace string) *tenant {
	return &tenant{namespace: namespace, shards: map[*shard]struct{}{}}
}

// tenant returns a namespace's, and makes it if there is none.
func (w *writer) tenant(namespace string) *tenant {
	t := w.tenants[namespace]
	if t == nil {
		t = newTenant(namespace)
		w.tenants[namespace] = t
	}
	return t
}

// enqueue has a shard written when its turn comes.
func (w *writer) enqueue(h *shard) {
	if h.writing {
		h.again = true
	}
	if h.queued || h.writing {
		return
	}
	h.queued = true
	w.retries.cancel(&h.retry)
	if h.tenant.queue = append(h.tenant.queue, h); len(h.tenant.queue) == 1 {
		w.queue = append(w.queue, h.tenant)
	}
	w.signal()
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// next takes the shard whose turn it is from the queue, or returns nil, and the time at which to call it again at the latest.
func (w *writer) next(now time.Time) (*shard, time.Time) {
	again := now.Add(longestSleep)
	if w.inFlight >= maxWrites {
		return nil, again
	}
	if at := w.budget.from(); at.After(now) {
		return nil, at
	}
	for i, t := range w.queue {
		at := t.budget.from()
		switch {
		case t.inFlight >= maxTenantWrites:
		case at.After(now):
			again = earlier(again, at)
		default:
			h := t.queue[0]
			t.queue = t.queue[1:]
			w.queue = slices.Delete(w.queue, i, i+1)
			if len(t.queue) > 0 {
				w.queue = append(w.queue, t)
			}
			h.queued, h.writing, h.again, h.turn = false, true, false, t
			t.inFlight++
			w.inFlight++
			t.budget.spend(h.bytes+overhead, tenantPace, now)
			w.budget.spend(h.bytes+overhead, pace, now)
			return h, now
		}
	}
	return nil, again
}

// run writes queued shards until ctx is done, and then once more what is left. Every waiter is notified. It is called without the mutex.
func (w *writer) run(ctx context.Context) {
	uncancelled := context.WithoutCancel(ctx) // Writes in flight are finished.
	var inFlight sync.WaitGroup
	timer := time.NewTimer(longestSleep)
	defer timer.Stop()
	for {
		w.mu.Lock()
		now := w.now()
		for d := w.retries.popDue(now); d != nil; d = w.retries.popDue(now) {
			w.enqueue(d.owner)
		}
		h, again := w.next(now)
		again = w.retries.next(again)
		w.mu.Unlock()
		if h != nil {
			inFlight.Go(func() { w.finish(h, w.save(uncancelled, h)) })
			continue
		}
		timer.Reset(again.Sub(now))
		select {
		case <-ctx.Done():
			// Within the time of one write, for those in flight, too: another process may be waiting to lead.
			last, cancel := context.WithTimeout(uncancelled, saveTimeout)
			inFlight.Wait()
			_ = w.saveAll(last, w.unsaved()) // Waiters receive the errors.
			cancel()
			return
		case <-w.wake:
		case <-timer.C:
		}
	}
}

// finish ends the turn of a shard. A failed write is retried: at once when there are further changes, else after a growing delay. It
// is called without the mutex.
func (w *writer) finish(h *shard, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h.writing = false
	h.turn.inFlight--
	w.inFlight--
	switch {
	case err == nil:
		h.backoff = saveRetry
		if h.saved != h.changes {
			w.enqueue(h)
		} else {
			w.release(h)
		}
	case h.again:
		w.enqueue(h)
	default:
		w.retries.schedule(&h.retry, w.now().Add(h.backoff))
	}
	if err != nil {
		h.backoff = min(2*h.backoff, longestRetry)
	}
	w.signal()
}

// unsaved returns the shards with changes that are not durable. It is called without the mutex.
func (w *writer) unsaved() []*shard {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []*shard
	for _, h := range w.shards {
		if h.saved != h.changes {
			all = append(all, h)
		}
	}
	return all
}

// saveAll writes shards, up to maxWrites at a time. It is called without the mutex.
func (w *writer) saveAll(ctx context.Context, all []*shard) error {
	errs := make([]error, len(all))
	slots := make(chan struct{}, maxWrites)
	var inFlight sync.WaitGroup
	for i, h := range all {
		slots <- struct{}{}
		inFlight.Go(func() {
			errs[i] = w.save(ctx, h)
			<-slots
		})
	}
	inFlight.Wait()
	return errors.Join(errs...)
}

// save writes a shard as it is now, and notifies its waiters. When another process wrote the shard meanwhile, that content is merged
// and the write fails. It is called without the mutex.
func (w *writer) save(ctx context.Context, h *shard) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	end := func(error) {}
	if t, ok := w.persister.(Turner); ok {
		end = t.Turn(ctx)
	}
	err := w.saveNow(ctx, h)
	end(err)
	return err
}

func (w *writer) saveNow(ctx context.Context, h *shard) error {
	w.mu.Lock()
	saved := h.changes
	if h.saved == saved {
		w.mu.Unlock()
		return nil
	}
	content := h.content(w.now())
	w.mu.Unlock()
	content.sort()
	err := w.persister.Save(ctx, h.number, content)
	if errors.Is(err, ErrConflict) {
		err = errors.Join(err, w.merge(ctx, h))
	}
	if err != nil {
		err = fmt.Errorf("write shard %d of the alerts: %w", h.number, err)
	}
	w.mu.Lock()
	h.notifyWaiters(saved, err)
	w.mu.Unlock()
	return err
}
