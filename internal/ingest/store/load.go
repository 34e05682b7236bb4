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

// checkEvery is how often what was written is looked for: it is written again when it has vanished.
const checkEvery = time.Minute

// load reads every shard, trying again until ctx is done.
func (s *Store) load(ctx context.Context) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		err := s.loadAll(ctx)
		if err == nil {
			return nil
		}
		s.fail(err)
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
	s.clear()
	leaving := s.takeAll(loaded, now)
	s.mu.Unlock()
	// A record that moves to another shard is written there before it leaves the old one.
	if len(leaving) > 0 {
		arrived := slices.DeleteFunc(s.unsaved(), func(h *shard) bool { return h.leaving })
		if err := s.saveAll(ctx, arrived); err != nil {
			return err
		}
	}
	s.mu.Lock()
	for _, h := range leaving {
		h.leaving = false
		h.dirty++
		s.rouse(h)
	}
	s.watchers.every(s.awaitFound)
	s.queue.set(&s.joining, s.now().Add(joinPatience))
	s.loadErr = nil
	s.markAll(now)
	told := s.told()
	s.mu.Unlock()
	s.tell(told)
	return nil
}

// takeAll takes in the shards as they were loaded, and returns those that hold something which belongs elsewhere; s.mu is held.
func (s *Store) takeAll(loaded map[int]Shard, now time.Time) []*shard {
	var strangers []*fact
	leaving := map[*shard]struct{}{}
	leave := func(h *shard) {
		h.leaving = true
		leaving[h] = struct{}{}
	}
	for _, number := range slices.Sorted(maps.Keys(loaded)) {
		content, h := loaded[number], s.shard(number)
		s.takeLoss(h, &content, now)
		for i := range content.Alerts {
			r := newFact(completed(content.Alerts[i]))
			r.gapFrom, r.gapTo, r.idle = earlier(content.AsOf, now), now, now
			r.notAfter(now)
			if old := s.alerts[r.key()]; old != nil {
				if !r.newer(old) {
					leave(h)
					continue
				}
				leave(old.shard)
				s.drop(old)
			}
			r.writtenSeen, r.writtenUntil = r.LastSeen.Time, r.until()
			if s.house(r, h); !s.fits(r, h) {
				leave(h)
				strangers = append(strangers, r)
			}
		}
	}
	for _, r := range strangers {
		if s.alerts[r.key()] == r {
			s.drop(r)
			s.put(r, s.place(r))
			s.dirty(r)
		}
	}
	s.trim()
	return slices.Collect(maps.Keys(leaving))
}

// takeLoss takes in what is known to be lost of a shard; s.mu is held.
func (s *Store) takeLoss(h *shard, loaded *Shard, now time.Time) {
	loaded.LostAt = earlier(loaded.LostAt, now)
	if now.Sub(loaded.LostAt) > MaxTTL {
		return
	}
	h.lostAt = loaded.LostAt
	s.lostAt = later(s.lostAt, loaded.LostAt)
	if loaded.AsOf.Before(loaded.LostAt) {
		h.dirty++ // That it was lost must be known after a restart.
		s.rouse(h)
	}
}

// house puts a record where it was found; a shard that nobody has is its namespace's from then on; s.mu is held.
func (s *Store) house(r *fact, h *shard) {
	if h.owner == s.nobody {
		h.own(s.tenant(r.namespace))
	}
	s.put(r, h)
}

// fits reports whether a shard is the right one for a record in it; s.mu is held.
func (s *Store) fits(r *fact, h *shard) bool {
	return h.owner == s.tenant(r.namespace) && (len(h.facts) == 1 || h.bytes <= MaxShard)
}

// notAfter makes a remembered time of our own clock that lies in the future the present: the clock was set back.
func (r *fact) notAfter(now time.Time) {
	if ahead := r.LastSeen.Sub(now); ahead > 0 && r.Until != nil {
		until := micro(r.Until.Add(-ahead))
		r.Until = &until
	}
	r.LastSeen = micro(earlier(r.LastSeen.Time, now))
	for _, t := range []*metav1.MicroTime{r.ResolvedAt, r.StaleFiring, r.AbsentSince} {
		if t != nil {
			*t = micro(earlier(t.Time, now))
		}
	}
}

// completed returns a record with the times that every resolved record has. A record that somebody else wrote may lack them.
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

// adopt takes in what somebody else recorded in a shard and we do not know, or know less of.
func (s *Store) adopt(ctx context.Context, h *shard) error {
	s.mu.Lock()
	h.doubt()
	s.mu.Unlock()
	loaded, err := s.persister.Load(ctx, h.number)
	if err != nil {
		return err
	}
	theirs := loaded[h.number]
	s.mu.Lock()
	if !theirs.LostAt.IsZero() {
		h.lostAt = later(h.lostAt, theirs.LostAt)
		s.lose(theirs.LostAt)
	}
	for j := range theirs.Alerts {
		r := newFact(completed(theirs.Alerts[j]))
		if old := s.alerts[r.key()]; old != nil {
			if !r.newer(old) {
				continue
			}
			s.dirty(old)
			s.drop(old)
		}
		if s.house(r, h); h.owner != s.tenant(r.namespace) {
			s.drop(r)
			s.put(r, s.place(r))
			s.dirty(r)
		}
	}
	s.trim()
	told := s.told()
	s.mu.Unlock()
	s.tell(told)
	return nil
}

// checkUntil has what is not as it was written last written again, until ctx is done.
func (s *Store) checkUntil(ctx context.Context) {
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
			s.log.Debug("the recorded alerts were not looked for", "error", err)
			continue
		}
		for _, number := range changed {
			s.log.Warn("the record of alerts has vanished or was changed by another hand: it is written again", "shard", number)
			s.rewrite(ctx, number)
		}
	}
}

// rewrite has a shard written again at which another hand was; one that we do not know is taken in first.
func (s *Store) rewrite(ctx context.Context, number int) {
	s.mu.Lock()
	known := s.shards[number] != nil
	h := s.shard(number)
	s.mu.Unlock()
	if !known {
		if err := s.adopt(ctx, h); err != nil {
			s.log.Warn("a record of alerts that another hand made was not read", "shard", number, "error", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.doubt()
	s.rouse(h)
}
