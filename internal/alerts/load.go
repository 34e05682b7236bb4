package alerts

import (
	"context"
	"fmt"
	"sync"
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
	loaded, err := s.loadShards(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	now := micro(s.now()).Time
	s.clear()
	var moved []int
	for i := range loaded {
		if s.takeShard(i, &loaded[i], now) {
			moved = append(moved, i)
		}
	}
	s.mu.Unlock()
	// What an earlier version kept elsewhere is written to its place before it leaves the old one.
	if len(moved) > 0 {
		for i := range s.shards {
			if err := s.save(ctx, i); err != nil {
				return err
			}
		}
	}
	s.mu.Lock()
	for _, i := range moved {
		s.shards[i].dirty++
	}
	s.watchers.every(func(w *watcher) {
		clear(w.selected)
		w.found.place = 0
		s.selectedBy(&w.query, func(r *fact) { s.selects(w, r) })
		s.awaitFound(w)
	})
	s.loadErr = nil
	s.markAll(now)
	told := s.told()
	s.mu.Unlock()
	s.tell(told)
	return nil
}

// loadShards reads all of them at once: whoever takes over has no time to lose.
func (s *Store) loadShards(ctx context.Context) (*[Shards]Shard, error) {
	var (
		loaded [Shards]Shard
		errs   [Shards]error
		all    sync.WaitGroup
	)
	for i := range loaded {
		all.Go(func() { loaded[i], errs[i] = s.persister.Load(ctx, i) })
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("load shard %d of the alerts: %w", i, err)
		}
	}
	return &loaded, nil
}

// takeShard takes in a shard as it was loaded, and reports whether some of it belongs elsewhere; s.mu is held.
func (s *Store) takeShard(i int, loaded *Shard, now time.Time) bool {
	h, moved := &s.shards[i], false
	loaded.LostAt = earlier(loaded.LostAt, now)
	h.lostAt = loaded.LostAt
	if now.Sub(loaded.LostAt) > MaxLease {
		h.lostAt = time.Time{}
	} else {
		s.lostAt = later(s.lostAt, loaded.LostAt)
		if loaded.AsOf.Before(loaded.LostAt) {
			h.dirty++ // That it was lost must be known after a restart.
		}
	}
	for j := range loaded.Alerts {
		r := newFact(modern(loaded.Alerts[j]))
		r.gapFrom, r.gapTo = earlier(loaded.AsOf, now), now
		r.notAfter(now)
		home := shardOf(r.key()) == i
		if old := s.alerts[r.key()]; old != nil {
			if !home && !r.newer(old) {
				moved = true
				continue
			}
			s.drop(old)
		}
		r.writtenSeen, r.writtenUntil = r.LastSeen.Time, r.until()
		s.put(r)
		if !home {
			moved = true
			s.dirty(r)
		}
	}
	return moved
}

// notAfter makes a remembered time of our own clock that lies in the future the present: the clock was set back.
func (r *fact) notAfter(now time.Time) {
	if ahead := r.LastSeen.Sub(now); ahead > 0 && r.Until != nil {
		until := micro(r.Until.Add(-ahead))
		r.Until = &until
	}
	r.LastSeen = micro(earlier(r.LastSeen.Time, now))
	for _, t := range []*metav1.MicroTime{r.ResolvedAt, r.Doubt, r.AbsentSince} {
		if t != nil {
			*t = micro(earlier(t.Time, now))
		}
	}
}

// modern is a stored alert as this version writes it.
func modern(a v1alpha1.StoredAlert) v1alpha1.StoredAlert {
	if a.Firing || a.ResolvedAt != nil {
		return a
	}
	// LastSeen was that of the resolve.
	heard := a.LastSeen
	a.ResolvedAt = &heard
	if a.EndsAt == nil {
		a.EndsAt = &heard
	}
	if a.DoubtfulUntil != nil {
		doubt := metav1.NewMicroTime(heard.Time)
		a.Doubt, a.DoubtfulUntil = &doubt, nil
	}
	return a
}

// adopt takes in what somebody else recorded in a shard and we do not know, or know less of.
func (s *Store) adopt(ctx context.Context, i int) error {
	s.mu.Lock()
	s.shards[i].doubt()
	s.mu.Unlock()
	theirs, err := s.persister.Load(ctx, i)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if !theirs.LostAt.IsZero() {
		s.shards[i].lostAt = later(s.shards[i].lostAt, theirs.LostAt)
		s.lose(theirs.LostAt)
	}
	for j := range theirs.Alerts {
		r := newFact(modern(theirs.Alerts[j]))
		if old := s.alerts[r.key()]; old != nil {
			if !r.newer(old) {
				continue
			}
			s.drop(old)
		}
		s.put(r)
	}
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
		s.mu.Lock()
		for _, i := range changed {
			s.log.Warn("the record of alerts has vanished or was changed by another hand: it is written again", "shard", i)
			s.shards[i].doubt()
			s.shards[i].rouse()
		}
		s.mu.Unlock()
	}
}
