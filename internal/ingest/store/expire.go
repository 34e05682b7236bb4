package store

import (
	"context"
	"time"
)

const (
	// keepResolved is how long a resolved alert is remembered, so that a late repeat does not bring it back: longer than any door
	// takes one for new. SNS tries for an hour, and its clock may be a quarter of one from ours.
	keepResolved = 90 * time.Minute
	// keepUnselected is how long an alert that nobody selects is kept after it was heard of, or selected: longer than Alertmanager's
	// default repeat_interval, so that an object which is made meanwhile knows of it.
	keepUnselected = 5 * time.Hour
	// joinPatience is how long after they were loaded all alerts count as selected: the objects open their triggers meanwhile.
	joinPatience = 2 * time.Minute
	// longestSleep is how long nothing is looked at when nothing is due.
	longestSleep = time.Hour
)

// expireUntil lets everything happen that happens by itself, each at its time, until ctx is done.
func (s *Store) expireUntil(ctx context.Context) {
	for {
		timer := time.NewTimer(s.expire())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-s.earlier:
			timer.Stop()
		}
	}
}

// expire does what is due, and returns how long nothing else is.
func (s *Store) expire() time.Duration {
	s.mu.Lock()
	now, joined := micro(s.now()).Time, false
	for e := s.queue.due(now); e != nil; e = s.queue.due(now) {
		switch {
		case e.selection != nil:
			if l := e.selection; s.look(l, now, false) && !l.shown.counts {
				s.dirty(l.fact) // That it was over before a restart must be known after it.
			}
		case e.fact != nil:
			s.retain(e.fact, now)
		case e.watcher != nil:
			s.mark(e.watcher, now)
		case e.shard != nil:
			s.rouse(e.shard)
		case e == &s.joining:
			s.join()
			joined = true
		}
	}
	s.armed = now.Add(longestSleep)
	if len(s.queue) > 0 {
		s.armed = earlier(s.armed, s.queue[0].at)
	}
	wait := s.armed.Sub(s.now())
	told := s.told()
	s.mu.Unlock()
	s.tell(told)
	if joined {
		s.logUnselected()
	}
	return wait
}

// rearm wakes the timer when something is due before it; s.mu is held.
func (s *Store) rearm() {
	if len(s.queue) > 0 && s.queue[0].at.Before(s.armed) {
		s.armed = s.queue[0].at
		select {
		case s.earlier <- struct{}{}:
		default:
		}
	}
}

// join lets what nobody selects by now be dropped for want of room; s.mu is held.
func (s *Store) join() {
	s.joined = true
	for _, r := range s.alerts {
		if len(r.watched) == 0 {
			s.book(r)
		}
	}
}

// retain forgets a record that is of no more use to anybody, or schedules when to ask again; s.mu is held.
func (s *Store) retain(r *fact, now time.Time) {
	if use := r.usefulUntil(); use.After(now) {
		s.queue.set(&r.forget, use)
		return
	}
	s.dirty(r)
	s.drop(r)
}

// usefulUntil is when nobody can think any longer that it counts, and no late repeat is to be expected.
func (r *fact) usefulUntil() time.Time {
	if r.class() == isResolved {
		return r.ResolvedAt.Add(keepResolved)
	}
	if r.direct {
		return patience{direct: true}.life(r, r.LastSeen.Time, r.until()).over
	}
	if len(r.watched) == 0 {
		return later(r.LastSeen.Time, r.idle).Add(keepUnselected)
	}
	use := everybody.life(r, r.LastSeen.Time, forever).over
	for w := range r.watched {
		use = later(use, w.patience.life(r, r.LastSeen.Time, forever).over)
	}
	return use
}
