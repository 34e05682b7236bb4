package alerts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	saveTimeout  = 5 * time.Second
	saveRetry    = 200 * time.Millisecond
	longestRetry = 10 * time.Second
)

// shard is one object of alerts. One write of it is under way at most; what changes meanwhile goes into the next, together.
type shard struct {
	keys map[key]struct{}
	// bytes bounds what they take when they are written.
	bytes int
	// lostAt is when what it held before was found to be unreadable.
	lostAt time.Time
	// dirty counts changes, saved how many of them are durable. Nothing of it is before as many as whole are.
	dirty, saved, whole int
	waiting             []wait
	wake                chan struct{}
}

// wait is a delivery that waits until its changes are durable.
type wait struct {
	until int
	done  chan error
}

// shardOf spreads alerts over the shards, the same in every process.
func shardOf(k key) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.door))
	_, _ = h.Write([]byte(k.fingerprint))
	return int(h.Sum32() % Shards)
}

// dirty has a record written; s.mu is held.
func (s *Store) dirty(r *fact) {
	r.writtenSeen, r.writtenUntil = r.LastSeen.Time, r.until()
	h := &s.shards[shardOf(r.key())]
	h.dirty++
	r.changed = h.dirty
}

// doubt has all of a shard written again, and counts none of it as durable until then: another hand was at the record; s.mu is
// held.
func (h *shard) doubt() {
	h.dirty++
	h.whole = h.dirty
}

// changes are how many changes of each shard a delivery waits for.
type changes map[int]int

// add has a record waited for. One that is durable is not, whatever else of its shard is not: else a repeat might wait for ever,
// where there is news faster than it is written.
func (c changes) add(r *fact) {
	i := shardOf(r.key())
	c[i] = max(c[i], r.changed)
}

// await has the shards written that have changed, and returns what to wait for until those of a delivery are durable; s.mu is
// held.
func (s *Store) await(of changes) []wait {
	var all []wait
	for i := range s.shards {
		h := &s.shards[i]
		if h.saved == h.dirty {
			continue
		}
		if until, ok := of[i]; ok {
			all = h.await(all, until)
		}
		h.rouse()
	}
	return all
}

// await adds a wait for a change, unless it is durable.
func (h *shard) await(all []wait, until int) []wait {
	if until = max(until, h.whole); until <= h.saved {
		return all
	}
	w := wait{until: until, done: make(chan error, 1)}
	h.waiting = append(h.waiting, w)
	return append(all, w)
}

func (h *shard) rouse() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// settle answers those who wait for what was written, or for what could not be.
func (h *shard) settle(written int, err error) {
	if err == nil {
		h.saved = written
	}
	h.waiting = slices.DeleteFunc(h.waiting, func(w wait) bool {
		if w.until > written {
			return false
		}
		w.done <- err
		return true
	})
}

// waitAll waits until everything is durable.
func waitAll(ctx context.Context, all []wait) error {
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

// write keeps a shard durable until ctx is done, and then writes once more what is left.
func (s *Store) write(ctx context.Context, i int) {
	h := &s.shards[i]
	retry := saveRetry
	timer := time.NewTimer(retry)
	defer timer.Stop()
	for {
		var again <-chan time.Time
		if s.unsaved(i) {
			timer.Reset(retry)
			again = timer.C
		}
		select {
		case <-ctx.Done():
			_ = s.save(context.WithoutCancel(ctx), i)
			s.mu.Lock()
			h.settle(h.dirty, ErrNotReady)
			s.mu.Unlock()
			return
		case <-h.wake:
		case <-again:
		}
		if err := s.save(ctx, i); err != nil {
			retry = min(2*retry, longestRetry)
		} else {
			retry = saveRetry
		}
	}
}

func (s *Store) unsaved(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shards[i].saved != s.shards[i].dirty
}

// save writes a shard as it is now, and answers those who wait for it. Somebody else's version is taken in first.
func (s *Store) save(ctx context.Context, i int) error {
	h := &s.shards[i]
	s.mu.Lock()
	written := h.dirty
	if h.saved == written {
		s.mu.Unlock()
		return nil
	}
	all := make([]v1alpha1.StoredAlert, 0, len(h.keys))
	for k := range h.keys {
		r := s.alerts[k]
		r.writtenSeen, r.writtenUntil = r.LastSeen.Time, r.until()
		all = append(all, r.StoredAlert)
	}
	content := Shard{Alerts: all, AsOf: micro(s.now()).Time, LostAt: h.lostAt}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b v1alpha1.StoredAlert) int {
		return cmp.Or(cmp.Compare(a.Door, b.Door), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	err := s.persister.Save(ctx, i, content)
	if errors.Is(err, ErrConflict) {
		err = errors.Join(err, s.adopt(ctx, i))
	}
	if err != nil {
		err = fmt.Errorf("write shard %d of the alerts: %w", i, err)
	}
	s.mu.Lock()
	h.settle(written, err)
	s.mu.Unlock()
	return err
}
