package alerts

import (
	"context"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// doubtfulLease is how long an alert counts that came back in doubt, without being repeated.
const doubtfulLease = 10 * time.Minute

// sweepUntil lets alerts end that are not repeated, and doubtful ones begin, each at its time, until ctx is done.
func (s *Store) sweepUntil(ctx context.Context) {
	for {
		timer := time.NewTimer(s.sweepOnce())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-s.sweep:
			timer.Stop()
		}
	}
}

// rouseSweep makes the sweep look again: something may be due earlier.
func (s *Store) rouseSweep() {
	select {
	case s.sweep <- struct{}{}:
	default:
	}
}

// sweepOnce does what is due, and returns how long nothing else is.
func (s *Store) sweepOnce() time.Duration {
	s.mu.Lock()
	now := s.now()
	wait := Lease
	var told []*watcher
	for k, a := range s.alerts {
		due := dueAt(a)
		if left := due.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		changed := s.expire(k, a, now)
		h := &s.shards[shardOf(k)]
		h.dirty++
		h.rouse()
		namespace, _, _ := strings.Cut(k.door, "/")
		told = append(told, s.watchers.change(namespace, k, s.alerts[k], now, changed).told...)
	}
	s.mu.Unlock()
	tell(told)
	return wait
}

// dueAt is when the state of an alert changes by itself.
func dueAt(a *v1alpha1.StoredAlert) time.Time {
	switch {
	case a.Firing:
		return a.LastSeen.Add(2 * Lease)
	case a.DoubtfulUntil != nil:
		return a.DoubtfulUntil.Time
	default:
		return a.LastSeen.Add(keepResolved)
	}
}

// expire ends an alert that fires, begins one that is doubtful, or forgets one that has resolved; s.mu is held.
func (s *Store) expire(k key, a *v1alpha1.StoredAlert, now time.Time) (changed bool) {
	next := *a
	switch {
	case a.Firing:
		ends := metav1.NewMicroTime(now)
		next.Firing, next.EndsAt, next.LastSeen = false, &ends, ends
	case a.DoubtfulUntil != nil:
		next.Firing, next.EndsAt, next.DoubtfulUntil = true, nil, nil
		next.LastSeen = metav1.NewMicroTime(now.Add(doubtfulLease - 2*Lease))
	default:
		s.drop(k)
		return false
	}
	s.put(&next)
	return true
}
