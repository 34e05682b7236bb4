package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Errors of Record and Reconcile. All are worth a retry.
var (
	// ErrNotReady is returned until the records of earlier processes are loaded.
	ErrNotReady = errors.New("the recorded alerts are not loaded yet")
	// ErrFull is returned when a limit leaves no space. The error is a *FullError.
	ErrFull = errors.New("there is no room for more alerts")
	// ErrConflict is returned when another process has written the shard.
	ErrConflict = errors.New("another process wrote the alerts")
)

// FullError names the limit that leaves no space, and its owner. It wraps ErrFull, and may be shown to the sender.
type FullError struct{ Owner, Limit string }

// Error returns one line.
func (e *FullError) Error() string { return ErrFull.Error() + ": " + e.Owner + " " + e.Limit }

// Unwrap returns ErrFull.
func (e *FullError) Unwrap() error { return ErrFull }

// Store is the set of alerts. Run loads it and keeps it durable.
type Store struct {
	persister Persister
	now       func() time.Time
	log       *slog.Logger

	mu sync.Mutex
	// loadErr is why the records are not known; nil once they are loaded.
	loadErr  error
	index    index
	accounts accounts
	expiry   expiryQueue[expirer]
	pending  pendingWatchers
	writer   *writer
	losses   losses
	// selectorsKnown is true once all objects have had time to open their triggers; from then on a record without a selection may be
	// evicted. selectors is the deadline that ends that time.
	selectorsKnown bool
	selectors      selectors
	// full has the limits for which deliveries were refused, by their owners.
	full map[string]refusal
	// truncated has the endpoints whose last delivery was truncated.
	truncated map[string]bool
	// silent has the selections for which an Alertmanager did not answer the last reconcile, with the error.
	silent map[selectionName]string
	counts counts
	// armed is when the timer of the deadlines fires; rearmed wakes it earlier.
	armed   time.Time
	rearmed chan struct{}
}

// New returns an empty store; now is the clock of the process.
func New(p Persister, now func() time.Time) *Store {
	s := &Store{
		persister: p, now: now, log: slog.New(slog.DiscardHandler), loadErr: ErrNotReady, index: newIndex(), losses: newLosses(),
		truncated: map[string]bool{}, silent: map[selectionName]string{}, counts: counts{reconciles: map[bool]int{}}, full: map[string]refusal{},
		rearmed: make(chan struct{}, 1),
	}
	s.writer = newWriter(&s.mu, p, now, s.merge)
	s.reset()
	return s
}

// SetLogger sets where the store logs. It must be called before Run.
func (s *Store) SetLogger(log *slog.Logger) { s.log = log }

// reset removes all records and what is computed from them, and marks the selectors as not known. It keeps the watchers, the losses, the
// counters and what was logged.
func (s *Store) reset() {
	s.index.removeRecords()
	s.accounts = newAccounts()
	s.expiry = expiryQueue[expirer]{}
	s.writer.reset()
	s.selectorsKnown, s.selectors = false, selectors{}
	s.selectors.owner = &s.selectors
	s.index.eachWatcher(func(w *watcher) {
		clear(w.selections)
		w.recovery.index = 0
	})
}

// Run loads the records, and then writes what changes, until ctx is done; it finishes the writes in flight. Nothing is known while it
// does not run.
func (s *Store) Run(ctx context.Context) error {
	defer s.unload()
	if err := s.load(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { s.writer.run(ctx) })
	all.Go(func() { s.runChecks(ctx) })
	s.runExpiry(ctx)
	all.Wait()
	return ctx.Err()
}

// Ready returns nil once the records are loaded.
func (s *Store) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loadErr
}

// Waiting returns the number of shards with changes that are not durable.
func (s *Store) Waiting() int { return len(s.writer.unsaved()) }

// unload makes the records unknown: another process may record from now on.
func (s *Store) unload() {
	s.mu.Lock()
	s.loadErr = ErrNotReady
	for _, h := range s.writer.shards {
		h.notifyWaiters(h.changes, ErrNotReady)
	}
	s.enqueueAll(s.now())
	pending := s.drain()
	s.mu.Unlock()
	s.notify(pending)
}

// add adds a record to a shard and to all parts, and selects it for the watchers of its kind. The mutex is held.
func (s *Store) add(e *entry, h *shard) {
	e.shard = h
	h.entries[e] = struct{}{}
	s.index.add(e)
	for _, w := range s.index.watchersOf(&e.record) {
		s.selectEntry(w, e)
	}
	s.account(e)
	s.expiry.schedule(&e.removal, e.usefulUntil())
}

// remove removes a record from all parts. The mutex is held.
func (s *Store) remove(e *entry) {
	for w, l := range e.selections {
		s.expiry.cancel(&l.deadline)
		delete(w.selections, e)
		if l.state.visible() {
			s.pending.enqueue(w, s.now())
		}
	}
	s.expiry.cancel(&e.removal)
	s.unaccount(e)
	s.index.remove(e)
	delete(e.shard.entries, e)
	s.accounts.forget(e.Endpoint)
}

// account counts a record as what it is now. The mutex is held.
func (s *Store) account(e *entry) {
	s.unaccount(e)
	s.accounts.add(e, rankOf(e.class(), s.selectorsKnown && len(e.selections) == 0))
	e.shard.bytes += e.charge.size
}

// unaccount removes a record from the counts, if it is in them. The mutex is held.
func (s *Store) unaccount(e *entry) {
	if e.charge.class == uncounted {
		return
	}
	e.shard.bytes -= e.charge.size
	s.accounts.remove(e)
}

// setLoadError sets why the records are not known.
func (s *Store) setLoadError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loadErr = fmt.Errorf("%w: %w", ErrNotReady, err)
}
