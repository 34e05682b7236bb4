package store

import (
	"context"
	"time"
)

// checkEvery is how often the stored shards are compared with what was written.
const checkEvery = time.Minute

// merge reads a shard that another process wrote, and adds the records that are not known, or that are newer than the known ones.
func (s *Store) merge(ctx context.Context, h *shard) error {
	s.mu.Lock()
	h.invalidate()
	s.mu.Unlock()
	loaded, err := s.persister.Load(ctx, h.number)
	if err != nil {
		return err
	}
	stored := loaded[h.number]
	s.mu.Lock()
	if !stored.LostAt.IsZero() {
		h.lostAt = later(h.lostAt, stored.LostAt)
		s.markLost(stored.LostAt)
	}
	for j := range stored.Alerts {
		e := newEntry(completed(stored.Alerts[j]))
		if old := s.index.records[e.key()]; old != nil {
			if !e.newerThan(&old.record) {
				continue
			}
			s.writer.changed(old)
			s.remove(old)
		}
		if s.addTo(h, e); h.tenant.namespace != e.namespace {
			s.move(e)
		}
	}
	s.evictResolved()
	pending := s.drain()
	s.mu.Unlock()
	s.notify(pending)
	return nil
}

// runChecks has shards written again that were changed or removed by something else, until ctx is done.
func (s *Store) runChecks(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := s.persister.Check(ctx)
		if err != nil {
			s.log.Debug("the recorded alerts could not be checked", "error", err)
			continue
		}
		for _, number := range changed {
			s.log.Warn("the record of alerts is gone or was changed by something else: it is written again", "shard", number)
			s.rewrite(ctx, number)
		}
	}
}

// rewrite has a shard written again. A shard that is not known is merged first.
func (s *Store) rewrite(ctx context.Context, number int) {
	s.mu.Lock()
	known := s.writer.shards[number] != nil
	h := s.writer.shard(number)
	s.mu.Unlock()
	if !known {
		if err := s.merge(ctx, h); err != nil {
			s.log.Warn("a record of alerts that something else wrote was not read", "shard", number, "error", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.invalidate()
	s.writer.enqueue(h)
}
