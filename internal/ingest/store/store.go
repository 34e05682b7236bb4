// Package store keeps the alerts that were delivered: stored once where they enter, by door and fingerprint, however many
// objects select them. Watchers hear of a change at once; a delivery is answered when it is durable.
//
// What is stored are facts: when an alert began, resolved and was heard of last. Whether it counts is each watcher's own
// opinion, by its lease and its stale window, and changes by itself at its exact time.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Errors of Record and Reconcile. All are worth a retry.
var (
	// ErrNotReady: what was recorded before has not been loaded.
	ErrNotReady = errors.New("the recorded alerts are not loaded yet")
	// ErrFull: as much is kept as may be. The error is a *FullError.
	ErrFull = errors.New("there is no room for more alerts")
	// ErrConflict: somebody else wrote the shard.
	ErrConflict = errors.New("somebody else wrote the alerts")
)

// FullError says whose bound leaves no room, and which that is. It is ErrFull, and may be shown to the sender.
type FullError struct{ Owner, Limit string }

// Error says so in one line.
func (e *FullError) Error() string { return ErrFull.Error() + ": " + e.Owner + " " + e.Limit }

// Unwrap returns ErrFull.
func (e *FullError) Unwrap() error { return ErrFull }

// Shard is what is kept together.
type Shard struct {
	Alerts []v1alpha1.AlertRecord
	// AsOf is when it was written; zero: never, or by a version that did not say so.
	AsOf time.Time
	// LostAt is when what was in it before was found to be unreadable; zero: never.
	LostAt time.Time
}

// Persister keeps the shards, by their numbers from 0 on.
type Persister interface {
	// Load returns those of some shards that are there, or of all. One that cannot be understood is set aside, never an error: it
	// is empty, and LostAt is now.
	Load(ctx context.Context, shards ...int) (map[int]Shard, error)
	// Save replaces a shard, and returns an error that wraps ErrConflict when it is not as it was last loaded or saved.
	Save(ctx context.Context, shard int, content Shard) error
	// Check returns the shards that are not as they were last loaded or saved, those that have vanished or were never seen for one.
	Check(ctx context.Context) ([]int, error)
}

// key identifies an alert.
type key struct{ door, fingerprint string }

// group is a group of alerts of a door.
type group struct{ door, name string }

// Store is the set of alerts. Run loads it and keeps it durable.
type Store struct {
	persister Persister
	now       func() time.Time
	log       *slog.Logger

	mu      sync.Mutex
	loadErr error
	// lostAt is when recorded alerts were found to be lost last, told when which selections were reconciled since.
	lostAt time.Time
	healed map[selectionName]time.Time
	// dropped is when an alert that nobody selected was dropped last, by namespace, and lackedAt in any.
	dropped  map[string]time.Time
	lackedAt time.Time
	alerts   map[key]*fact
	rooms    map[string]byName
	groups   map[group]map[*fact]struct{}
	watchers watchers
	// all, tenants and doors count what is kept, of namespaces by their names; beyond are those with too many resolved ones.
	all     account
	tenants map[string]*tenant
	doors   map[string]*account
	beyond  []*account
	// joined: those who select anything have had time to say so; joining is when.
	joined  bool
	joining entry
	// full says for whom there was no room of late, by whose bound it was.
	full map[string]refusal
	// cut are the doors whose last delivery was truncated.
	cut map[string]bool
	// silent are the selections whose senders did not all answer, and why.
	silent map[selectionName]string
	counts counts
	// shards are those that were ever used, by number; nobody has the empty ones.
	shards map[int]*shard
	nobody *tenant
	turns  turns
	// marked are the watchers that are to be told of the change under way.
	marked []*watcher
	queue  queue
	// armed is when the timer fires, earlier makes it look again.
	armed   time.Time
	earlier chan struct{}
}

// New returns a store that knows nothing yet; now is the clock of the process.
func New(p Persister, now func() time.Time) *Store {
	s := &Store{
		persister: p, now: now, log: slog.New(slog.DiscardHandler), loadErr: ErrNotReady, healed: map[selectionName]time.Time{},
		dropped: map[string]time.Time{}, watchers: newWatchers(), cut: map[string]bool{}, silent: map[selectionName]string{},
		counts: counts{reconciles: map[bool]int{}}, earlier: make(chan struct{}, 1), full: map[string]refusal{},
		turns: turns{more: make(chan struct{}, 1)},
	}
	s.clear()
	return s
}

// SetLogger makes the store say what it does about what it could not foresee. It is called before Run.
func (s *Store) SetLogger(log *slog.Logger) { s.log = log }

// clear forgets everything but who watches.
func (s *Store) clear() {
	s.alerts, s.rooms, s.groups = map[key]*fact{}, map[string]byName{}, map[group]map[*fact]struct{}{}
	s.all, s.tenants, s.doors, s.beyond = account{bound: &ofAll}, map[string]*tenant{}, map[string]*account{}, nil
	s.shards, s.nobody, s.queue = map[int]*shard{}, newTenant(""), nil
	s.turns.tenants, s.turns.writing = nil, 0
	s.joined, s.joining = false, entry{}
	s.watchers.every(func(w *watcher) {
		clear(w.selected)
		w.found.place = 0
	})
}

// Run loads what was recorded, and then writes what changes, until ctx is done; it finishes the writes under way. While it
// does not run, nothing is known.
func (s *Store) Run(ctx context.Context) error {
	defer s.unload()
	if err := s.load(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	all.Go(func() { s.writeUntil(ctx) })
	all.Go(func() { s.checkUntil(ctx) })
	s.expireUntil(ctx)
	all.Wait()
	return ctx.Err()
}

// Ready returns nil once what was recorded before is loaded.
func (s *Store) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loadErr
}

// unload forgets everything: another process may record from now on.
func (s *Store) unload() {
	s.mu.Lock()
	s.loadErr = ErrNotReady
	for _, h := range s.shards {
		h.settle(h.dirty, ErrNotReady)
	}
	s.markAll(s.now())
	told := s.told()
	s.mu.Unlock()
	s.tell(told)
}

// put adds a record that is not there yet to a shard, and shows it to those who select it; s.mu is held.
func (s *Store) put(r *fact, h *shard) {
	s.alerts[r.key()] = r
	r.shard = h
	h.facts[r] = struct{}{}
	s.roomOf(r.namespace).add(r)
	for _, w := range s.watchers.of(r) {
		s.selects(w, r)
	}
	s.book(r)
	s.queue.set(&r.forget, r.usefulUntil())
}

// drop removes a record; s.mu is held.
func (s *Store) drop(r *fact) {
	for w, l := range r.watched {
		s.queue.remove(&l.entry)
		delete(w.selected, r)
		if l.shown.visible() {
			s.mark(w, s.now())
		}
	}
	s.queue.remove(&r.forget)
	s.unbook(r)
	delete(s.alerts, r.key())
	delete(r.shard.facts, r)
	s.roomOf(r.namespace).remove(r)
	if len(s.rooms[r.namespace]) == 0 {
		delete(s.rooms, r.namespace)
	}
	s.closeAccounts(r.Endpoint)
}

// fail makes an error of the load known.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loadErr = fmt.Errorf("%w: %w", ErrNotReady, err)
}
