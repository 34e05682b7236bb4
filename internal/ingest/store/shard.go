package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// MaxShard bounds the bytes of a shard, but for what its alerts have come to say since they were put there: what is written for a
	// change does not grow with what is stored, and a namespace's changes touch no other's shards.
	MaxShard = 16 << 10
	// longestShard bounds it with that: etcd takes no more than 1.5 MiB.
	longestShard = 1 << 20
)

// shard is one object of alerts, all of one namespace. One write of it is under way at most; what changes meanwhile goes into the
// next, together. Empty ones are kept, and used again.
type shard struct {
	number int
	// owner is whose alerts it holds; the store's nobody when it is empty.
	owner *tenant
	facts map[*fact]struct{}
	// bytes bounds what they take when they are written.
	bytes int
	// lostAt is when what it held before was found to be unreadable.
	lostAt time.Time
	// dirty counts changes, saved how many of them are durable. Nothing of it is before as many as whole are.
	dirty, saved, whole int
	waiting             []wait
	// queued: it waits for its turn to be written; writing: it is being written, and again: there is news since.
	queued, writing, again bool
	// turn is whose turn it is written in.
	turn *tenant
	// retry is when it is tried again, and backoff how long after the next failure.
	retry   entry
	backoff time.Duration
	// leaving: some of it moves elsewhere, and nothing is put here meanwhile.
	leaving bool
}

// wait is a delivery that waits until its changes are durable.
type wait struct {
	until int
	done  chan error
}

// shard returns a shard by its number, and makes it if it is not there; s.mu is held.
func (s *Store) shard(number int) *shard {
	h := s.shards[number]
	if h == nil {
		h = &shard{number: number, owner: s.nobody, facts: map[*fact]struct{}{}, backoff: saveRetry}
		h.retry.shard = h
		s.shards[number] = h
		s.nobody.shards[h] = struct{}{}
	}
	return h
}

// own makes a shard a tenant's.
func (h *shard) own(t *tenant) {
	delete(h.owner.shards, h)
	if h.owner.open == h {
		h.owner.open = nil
	}
	h.owner = t
	t.shards[h] = struct{}{}
}

// hasRoom reports whether a record of so many bytes fits in: any in an empty one.
func (h *shard) hasRoom(size int) bool {
	return !h.leaving && (len(h.facts) == 0 || h.bytes+size <= MaxShard)
}

// place finds the shard of a new record; s.mu is held. What comes together is kept together, so that it is written together.
func (s *Store) place(r *fact) *shard {
	t, size := s.tenant(r.namespace), r.size()
	if t.open == nil || !t.open.hasRoom(size) {
		t.open = s.spare(t, size)
	}
	return t.open
}

// spare is a shard of a tenant that is at most half full, or an empty one; s.mu is held.
func (s *Store) spare(t *tenant, size int) *shard {
	var found *shard
	better := func(h *shard) bool { return h.hasRoom(size) && (found == nil || h.number < found.number) }
	for h := range t.shards {
		if h.bytes <= MaxShard/2 && better(h) {
			found = h
		}
	}
	if found != nil {
		return found
	}
	for h := range s.nobody.shards {
		if h.lostAt.IsZero() && !h.queued && !h.writing && better(h) {
			found = h
		}
	}
	for n := 0; found == nil; n++ {
		if s.shards[n] == nil {
			found = s.shard(n)
		}
	}
	found.own(t)
	return found
}

// dirty has a record written; s.mu is held.
func (s *Store) dirty(r *fact) {
	r.writtenSeen, r.writtenUntil = r.LastSeen.Time, r.until()
	r.shard.dirty++
	r.changed = r.shard.dirty
	s.rouse(r.shard)
}

// doubt has all of a shard written again, and counts none of it as durable until then: another hand was at the record; s.mu is
// held.
func (h *shard) doubt() {
	h.dirty++
	h.whole = h.dirty
}

// changes are how many changes of each shard a delivery waits for.
type changes map[*shard]int

// add has a record waited for. One that is durable is not, whatever else of its shard is not: else a repeat might wait for ever,
// where there is news faster than it is written.
func (c changes) add(r *fact) { c[r.shard] = max(c[r.shard], r.changed) }

// await has what a delivery has changed written, soon also what could not be before, and returns what to wait for until it is
// durable; s.mu is held.
func (s *Store) await(of changes) []wait {
	var all []wait
	for h, until := range of {
		if until = max(until, h.whole); until > h.saved {
			w := wait{until: until, done: make(chan error, 1)}
			h.waiting = append(h.waiting, w)
			all = append(all, w)
			s.rouse(h)
		}
	}
	return all
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
