package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// longestLoadPause bounds the pause before load reads again: until then every message is refused.
const longestLoadPause = 2 * time.Second

// load reads all shards, and retries until ctx is done.
func (s *Store) load(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, longestLoadPause) {
		err := s.loadAll(ctx)
		if err == nil {
			return nil
		}
		s.setLoadError(err)
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
	loaded, err := s.persister.Load(ctx)
	if err != nil {
		return fmt.Errorf("load the alerts: %w", err)
	}
	s.mu.Lock()
	now := micro(s.now()).Time
	s.reset()
	moving := s.addLoaded(loaded, now)
	s.mu.Unlock()
	// A record that moves to another shard is written there before it leaves the old one.
	if len(moving) > 0 {
		targets := slices.DeleteFunc(s.writer.unsaved(), func(h *shard) bool { return h.moving })
		if err := s.writer.saveAll(ctx, targets); err != nil {
			return err
		}
	}
	s.mu.Lock()
	for _, h := range moving {
		h.moving = false
		h.changes++
		s.writer.enqueue(h)
	}
	s.index.eachWatcher(s.scheduleRecovery)
	s.expiry.schedule(&s.selectors.deadline, s.now().Add(selectorsTimeout))
	s.loadErr = nil
	s.enqueueAll(now)
	pending := s.drain()
	s.mu.Unlock()
	s.notify(pending)
	return nil
}

// addLoaded adds the records of the loaded shards. It returns the shards that some record leaves: because it is in another shard as well,
// because it is of another namespace than the shard, or because the shard is too large. The mutex is held.
func (s *Store) addLoaded(loaded map[int]Shard, now time.Time) []*shard {
	var misplaced []*entry
	moving := map[*shard]struct{}{}
	markMoving := func(h *shard) {
		h.moving = true
		moving[h] = struct{}{}
	}
	for _, number := range slices.Sorted(maps.Keys(loaded)) {
		content, h := loaded[number], s.writer.shard(number)
		s.addLoss(h, &content, now)
		for i := range content.Alerts {
			e := newEntry(completed(content.Alerts[i]))
			e.downFrom, e.downTo, e.unselectedSince = earlier(content.AsOf, now), now, now
			e.notAfter(now)
			if old := s.index.records[e.key()]; old != nil {
				if !e.newerThan(&old.record) {
					markMoving(h)
					continue
				}
				markMoving(old.shard)
				s.remove(old)
			}
			e.markWritten()
			if s.addTo(h, e); !s.belongs(e) {
				markMoving(h)
				misplaced = append(misplaced, e)
			}
		}
	}
	for _, e := range misplaced {
		if s.index.records[e.key()] == e {
			s.move(e)
		}
	}
	s.evictResolved()
	return slices.Collect(maps.Keys(moving))
}

// addLoss notes what was lost of a loaded shard. The mutex is held.
func (s *Store) addLoss(h *shard, loaded *Shard, now time.Time) {
	loaded.LostAt = earlier(loaded.LostAt, now)
	if now.Sub(loaded.LostAt) > MaxTTL {
		return
	}
	h.lostAt = loaded.LostAt
	s.losses.lostAt = later(s.losses.lostAt, loaded.LostAt)
	if loaded.AsOf.Before(loaded.LostAt) {
		h.changes++ // The loss must be known after a restart.
		s.writer.enqueue(h)
	}
}

// addTo adds a record to the shard that it was found in. An empty shard becomes the namespace's. The mutex is held.
func (s *Store) addTo(h *shard, e *entry) {
	if h.tenant == s.writer.unowned {
		h.assign(s.writer.tenant(e.namespace))
	}
	s.add(e, h)
}

// belongs reports whether a record may stay in its shard. The mutex is held.
func (s *Store) belongs(e *entry) bool {
	h := e.shard
	return h.tenant.namespace == e.namespace && (len(h.entries) == 1 || h.bytes <= MaxShard)
}

// move moves a record to another shard of its namespace. The mutex is held.
func (s *Store) move(e *entry) {
	s.remove(e)
	s.add(e, s.writer.shardFor(e.namespace, e.size()))
	s.writer.changed(e)
}

// notAfter replaces times of this process's clock that are in the future: the clock was set back.
func (r *record) notAfter(now time.Time) {
	if ahead := r.LastSeen.Sub(now); ahead > 0 && r.Until != nil {
		until := micro(r.Until.Add(-ahead))
		r.Until = &until
	}
	r.LastSeen = micro(earlier(r.LastSeen.Time, now))
	for _, t := range []*metav1.MicroTime{r.ResolvedAt, r.LateFiring, r.AbsentSince} {
		if t != nil {
			*t = micro(earlier(t.Time, now))
		}
	}
}

// completed returns a record with the times that every resolved record has. A record that was edited may lack them.
func completed(a v1alpha1.AlertRecord) v1alpha1.AlertRecord {
	if a.Firing {
		return a
	}
	seen := a.LastSeen
	if a.ResolvedAt == nil {
		a.ResolvedAt = &seen
	}
	if a.EndsAt == nil {
		a.EndsAt = &seen
	}
	return a
}
