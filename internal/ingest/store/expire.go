package store

import (
	"cmp"
	"context"
	"time"
)

const (
	// resolvedRetention is how long a resolved record is kept, so that a late delivery does not make it fire again: longer than any endpoint
	// accepts a message. SNS retries for an hour, and its clock may be a quarter of an hour off.
	resolvedRetention = 90 * time.Minute
	// unselectedRetention is how long an alert that no object selects is kept after it was last delivered or selected: longer than
	// Alertmanager's default repeat_interval, so that a new object finds it.
	unselectedRetention = 5 * time.Hour
	// selectorsTimeout is how long after the load all records count as selected: the objects open their triggers in this time.
	selectorsTimeout = 2 * time.Minute
	// longestSleep bounds the time between two checks of the deadlines.
	longestSleep = time.Hour
)

// expirer is the owner of a deadline of the store.
type expirer interface {
	// expire brings the owner up to date once its deadline has passed. The store's mutex is held.
	expire(s *Store, now time.Time)
}

// runExpiry handles each deadline at its time, until ctx is done.
func (s *Store) runExpiry(ctx context.Context) {
	for {
		timer := time.NewTimer(s.expireDue())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-s.rearmed:
			timer.Stop()
		}
	}
}

// expireDue handles the deadlines that are due, and returns the time until the next one.
func (s *Store) expireDue() time.Duration {
	s.mu.Lock()
	now, known := micro(s.now()).Time, s.selectorsKnown
	for d := s.expiry.popDue(now); d != nil; d = s.expiry.popDue(now) {
		d.owner.expire(s, now)
	}
	becameKnown := s.selectorsKnown && !known
	s.armed = s.expiry.next(now.Add(longestSleep))
	wait := s.armed.Sub(s.now())
	pending := s.drain()
	s.mu.Unlock()
	s.notify(pending)
	if becameKnown {
		s.logUnselected()
	}
	return wait
}

// rearm wakes the timer if a deadline is due before it fires. The mutex is held.
func (s *Store) rearm() {
	if next := s.expiry.next(s.armed); next.Before(s.armed) {
		s.armed = next
		select {
		case s.rearmed <- struct{}{}:
		default:
		}
	}
}

// selectors is the deadline by which all objects have opened their triggers.
type selectors struct{ deadline[expirer] }

// expire allows the records that no object selects by now to be evicted.
func (*selectors) expire(s *Store, _ time.Time) {
	s.selectorsKnown = true
	for _, e := range s.index.records {
		if len(e.selections) == 0 {
			s.account(e)
		}
	}
}

// logUnselected logs how many firing alerts no object selects. Deliveries that came before that was known could not log it.
func (s *Store) logUnselected() {
	var namespace, name string
	n := 0
	s.mu.Lock()
	for _, e := range s.index.records {
		if len(e.selections) == 0 && e.class() == isFiring {
			n++
			namespace, name = cmp.Or(e.namespace, "*"), truncate(e.Labels["alertname"])
		}
	}
	s.mu.Unlock()
	if n > 0 {
		s.log.Info("alerts are recorded that no object selects: impulse alerts lists them", "alerts", n, "namespace", namespace, "alertname", name)
	}
}
