// Package alerts keeps the alerts that were delivered: stored once where they enter, by door and fingerprint, however many
// objects select them. Watchers hear of a change at once; a delivery is answered when it is durable.
package alerts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// Shards is the number of objects that the alerts are spread over.
	Shards = 16
	// MaxFiring bounds the firing alerts.
	MaxFiring = 20_000
	// MaxResolved bounds those that are remembered as resolved.
	MaxResolved = 20_000
	// Lease is how long a firing alert counts without being repeated; after two it is treated as resolved.
	Lease = 12 * time.Hour
	// keepResolved is how long a resolved alert is remembered, so that a late repeat does not bring it back.
	keepResolved = time.Hour
	// staleWindow is how long after a resolve a repeat of the same activation is doubtful: a late delivery, more likely than
	// not. It counts from then on if nothing newer says otherwise.
	staleWindow = time.Minute
)

// Errors of Record. All are worth a retry.
var (
	// ErrNotReady: what was recorded before has not been loaded.
	ErrNotReady = errors.New("the recorded alerts are not loaded yet")
	// ErrFull: there are as many firing alerts as the store holds.
	ErrFull = fmt.Errorf("there are %d firing alerts, as many as are kept", MaxFiring)
	// ErrConflict: somebody else wrote the shard.
	ErrConflict = errors.New("somebody else wrote the alerts")
)

// Persister keeps the shards. Save replaces one, and returns an error that wraps ErrConflict when it is not as it was last
// loaded or saved.
type Persister interface {
	Load(ctx context.Context, shard int) ([]v1alpha1.StoredAlert, error)
	Save(ctx context.Context, shard int, alerts []v1alpha1.StoredAlert) error
}

// key identifies an alert.
type key struct{ door, fingerprint string }

// Store is the set of alerts. Run loads it and keeps it durable.
type Store struct {
	persister Persister
	now       func() time.Time

	mu       sync.Mutex
	loaded   bool
	loadErr  error
	alerts   map[key]*v1alpha1.StoredAlert
	firing   int
	resolved int
	watchers watchers
	shards   [Shards]shard
	sweep    chan struct{}
}

// NewStore returns a store that knows nothing yet; now is the clock of the process.
func NewStore(p Persister, now func() time.Time) *Store {
	s := &Store{
		persister: p, now: now, alerts: map[key]*v1alpha1.StoredAlert{}, watchers: newWatchers(), loadErr: ErrNotReady,
		sweep: make(chan struct{}, 1),
	}
	for i := range s.shards {
		s.shards[i].wake = make(chan struct{}, 1)
		s.shards[i].keys = map[key]struct{}{}
	}
	return s
}

// Run loads what was recorded, and then writes what changes, until ctx is done; it finishes the writes under way. While it
// does not run, nothing is known.
func (s *Store) Run(ctx context.Context) error {
	defer s.unload()
	if err := s.load(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	for i := range s.shards {
		all.Go(func() { s.write(ctx, i) })
	}
	s.sweepUntil(ctx)
	all.Wait()
	return ctx.Err()
}

// Ready returns nil once what was recorded before is loaded.
func (s *Store) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loadErr
}

// load reads every shard, trying again until ctx is done.
func (s *Store) load(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := s.loadAll(ctx)
		if err == nil {
			return nil
		}
		s.mu.Lock()
		s.loadErr = fmt.Errorf("%w: %w", ErrNotReady, err)
		s.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (s *Store) loadAll(ctx context.Context) error {
	var loaded [Shards][]v1alpha1.StoredAlert
	for i := range loaded {
		var err error
		if loaded[i], err = s.persister.Load(ctx, i); err != nil {
			return fmt.Errorf("load shard %d of the alerts: %w", i, err)
		}
	}
	s.mu.Lock()
	clear(s.alerts)
	s.firing, s.resolved = 0, 0
	for i := range s.shards {
		clear(s.shards[i].keys)
	}
	for i := range loaded {
		for j := range loaded[i] {
			s.put(&loaded[i][j])
		}
	}
	s.loaded, s.loadErr = true, nil
	told := s.watchers.refill(s.alerts, s.now(), nil)
	s.mu.Unlock()
	tell(told)
	return nil
}

// unload forgets everything: another process may record from now on.
func (s *Store) unload() {
	s.mu.Lock()
	s.loaded, s.loadErr = false, ErrNotReady
	told := s.watchers.refill(nil, s.now(), ErrNotReady)
	s.mu.Unlock()
	tell(told)
}

// put adds an alert that is not there yet, or replaces it; s.mu is held.
func (s *Store) put(a *v1alpha1.StoredAlert) {
	k := key{a.Door, a.Fingerprint}
	if old := s.alerts[k]; old != nil {
		s.count(old, -1)
	}
	s.alerts[k] = a
	s.count(a, +1)
	s.shards[shardOf(k)].keys[k] = struct{}{}
}

// drop removes an alert; s.mu is held.
func (s *Store) drop(k key) {
	if old := s.alerts[k]; old != nil {
		s.count(old, -1)
		delete(s.alerts, k)
		delete(s.shards[shardOf(k)].keys, k)
	}
}

func (s *Store) count(a *v1alpha1.StoredAlert, by int) {
	if a.Firing {
		s.firing += by
	} else {
		s.resolved += by
	}
}
