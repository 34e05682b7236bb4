package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	saveTimeout  = 5 * time.Second
	saveRetry    = 200 * time.Millisecond
	longestRetry = 10 * time.Second

	// maxWrites bounds the writes under way, and maxTenantWrites those of one namespace.
	maxWrites       = 8
	maxTenantWrites = 4
	// pace and tenantPace bound the bytes a second that are written, and those of one namespace, after as many as are written in
	// paceBurst at once: etcd keeps what was written for five minutes and more.
	pace       = 4 << 20
	tenantPace = 2 << 20
	paceBurst  = 2 * time.Second
)

// tenant is a namespace: what it has stored, and what of it waits to be written.
type tenant struct {
	account

	shards map[*shard]struct{}
	// open is the shard that new records are put in; nil: none yet.
	open    *shard
	waiting []*shard
	writing int
	paid    paid
}

func newTenant(name string) *tenant {
	return &tenant{account: account{bound: &ofNamespace, name: name}, shards: map[*shard]struct{}{}}
}

// tenant returns a namespace's; s.mu is held.
func (s *Store) tenant(namespace string) *tenant {
	t := s.tenants[namespace]
	if t == nil {
		t = newTenant(namespace)
		s.tenants[namespace] = t
	}
	return t
}

// leave forgets a namespace that has nothing; s.mu is held.
func (s *Store) leave(namespace string) {
	if t := s.tenants[namespace]; t != nil && t.empty() && len(t.shards) == 0 && t.writing == 0 {
		delete(s.tenants, namespace)
	}
}

// paid is until when the bytes that were written are paid for.
type paid struct{ until time.Time }

// open is from when on more may be written.
func (p *paid) open() time.Time { return p.until.Add(-paceBurst) }

func (p *paid) spend(bytes, pace int, now time.Time) {
	p.until = later(p.until, now).Add(time.Duration(bytes) * time.Second / time.Duration(pace))
}

// turns says which shard is written next: the namespaces that wait have turns, so that what one has to write keeps no other's
// waiting for more than the writes under way.
type turns struct {
	// tenants are those that wait, whoever had a turn last at the end.
	tenants []*tenant
	writing int
	paid    paid
	// more says that there may be something to write.
	more chan struct{}
}

func (t *turns) signal() {
	select {
	case t.more <- struct{}{}:
	default:
	}
}

// rouse has a shard written when its turn comes; s.mu is held.
func (s *Store) rouse(h *shard) {
	if h.writing {
		h.again = true
	}
	if h.queued || h.writing {
		return
	}
	h.queued = true
	s.queue.remove(&h.retry)
	if h.owner.waiting = append(h.owner.waiting, h); len(h.owner.waiting) == 1 {
		s.turns.tenants = append(s.turns.tenants, h.owner)
	}
	s.turns.signal()
}

// next takes the shard whose turn it is, or returns nil, and when to ask again at the latest; s.mu is held.
func (s *Store) next(now time.Time) (*shard, time.Time) {
	u, again := &s.turns, now.Add(longestSleep)
	if u.writing >= maxWrites {
		return nil, again
	}
	if at := u.paid.open(); at.After(now) {
		return nil, at
	}
	for i, t := range u.tenants {
		at := t.paid.open()
		switch {
		case t.writing >= maxTenantWrites:
		case at.After(now):
			again = earlier(again, at)
		default:
			h := t.waiting[0]
			t.waiting = t.waiting[1:]
			u.tenants = slices.Delete(u.tenants, i, i+1)
			if len(t.waiting) > 0 {
				u.tenants = append(u.tenants, t)
			}
			h.queued, h.writing, h.again, h.turn = false, true, false, t
			t.writing++
			u.writing++
			t.paid.spend(h.bytes+overhead, tenantPace, now)
			u.paid.spend(h.bytes+overhead, pace, now)
			return h, now
		}
	}
	return nil, again
}

// writeUntil keeps the shards durable until ctx is done, and then writes once more what is left.
func (s *Store) writeUntil(ctx context.Context) {
	whole := context.WithoutCancel(ctx) // What is under way is finished.
	var under sync.WaitGroup
	timer := time.NewTimer(longestSleep)
	defer timer.Stop()
	for {
		s.mu.Lock()
		now := s.now()
		h, again := s.next(now)
		s.mu.Unlock()
		if h != nil {
			under.Go(func() { s.wrote(h, s.save(whole, h)) })
			continue
		}
		timer.Reset(again.Sub(now))
		select {
		case <-ctx.Done():
			under.Wait()
			s.saveLast(whole)
			return
		case <-s.turns.more:
		case <-timer.C:
		}
	}
}

// saveLast writes what is left, as far as that goes within the time of one write: another process may be waiting to lead. Whoever
// waits for it is told.
func (s *Store) saveLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	_ = s.saveAll(ctx, s.unsaved())
}

// wrote ends the turn of a shard. What was not written is tried again: soon when there is news, else later and later.
func (s *Store) wrote(h *shard, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.writing = false
	h.turn.writing--
	s.turns.writing--
	switch {
	case err == nil:
		h.backoff = saveRetry
		if h.saved != h.dirty {
			s.rouse(h)
		} else {
			s.release(h)
		}
	case h.again:
		s.rouse(h)
	default:
		s.queue.set(&h.retry, s.now().Add(h.backoff))
		s.rearm()
	}
	if err != nil {
		h.backoff = min(2*h.backoff, longestRetry)
	}
	s.turns.signal()
}

// release lets others use a shard that holds nothing any longer; s.mu is held.
func (s *Store) release(h *shard) {
	t := h.owner
	if t == s.nobody || len(h.facts) > 0 {
		return
	}
	h.own(s.nobody)
	s.leave(t.name)
}

// unsaved are the shards of which something is not durable.
func (s *Store) unsaved() []*shard {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*shard
	for _, h := range s.shards {
		if h.saved != h.dirty {
			all = append(all, h)
		}
	}
	return all
}

// saveAll writes shards, several at once.
func (s *Store) saveAll(ctx context.Context, all []*shard) error {
	errs := make([]error, len(all))
	places := make(chan struct{}, maxWrites)
	var under sync.WaitGroup
	for i, h := range all {
		places <- struct{}{}
		under.Go(func() {
			errs[i] = s.save(ctx, h)
			<-places
		})
	}
	under.Wait()
	return errors.Join(errs...)
}

// save writes a shard as it is now, and answers those who wait for it. Somebody else's version is taken in first.
func (s *Store) save(ctx context.Context, h *shard) error {
	s.mu.Lock()
	written := h.dirty
	if h.saved == written {
		s.mu.Unlock()
		return nil
	}
	all := make([]v1alpha1.AlertRecord, 0, len(h.facts))
	for r := range h.facts {
		r.writtenSeen, r.writtenUntil = r.LastSeen.Time, r.until()
		all = append(all, r.AlertRecord)
	}
	content := Shard{Alerts: all, AsOf: micro(s.now()).Time, LostAt: h.lostAt}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b v1alpha1.AlertRecord) int {
		return cmp.Or(cmp.Compare(a.Endpoint, b.Endpoint), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	err := s.persister.Save(ctx, h.number, content)
	if errors.Is(err, ErrConflict) {
		err = errors.Join(err, s.adopt(ctx, h))
	}
	if err != nil {
		err = fmt.Errorf("write shard %d of the alerts: %w", h.number, err)
	}
	s.mu.Lock()
	h.settle(written, err)
	s.mu.Unlock()
	return err
}
