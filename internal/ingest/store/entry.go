package store

import (
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// entry is a record in the store, with its places in the store's parts. It belongs to the store's mutex.
type entry struct {
	record

	// selections are the watchers that select the record, whatever its state.
	selections map[*watcher]*selection
	// notFresh counts the selections for which the record does not count, or is stale; onAbsence those that end an alert by absence.
	// unwritten is the smallest result of expiryPolicy.unwritten for them. Because of these fields, a repeat need not evaluate each selection.
	notFresh  int
	onAbsence int
	unwritten time.Duration
	// unselectedSince is when the last selection ended; zero if there was none.
	unselectedSince time.Time

	// group is the group under which the index has the record.
	group group
	// charge has what the accounts count for the record.
	charge charge
	// shard is the shard to which the record is written, and change is the number of the record's last
	// change, in shard.changes.
	shard  *shard
	change int
	// removal is when the record is of no more use.
	removal deadline[expirer]
}

func newEntry(a v1alpha1.AlertRecord) *entry { return entryOf(recordOf(a)) }

func entryOf(r record) *entry {
	e := &entry{record: r, selections: map[*watcher]*selection{}, unwritten: defaultPolicy.unwritten()}
	e.removal.owner = e
	return e
}

// expire removes a record that is of no more use, or schedules when to look again.
func (e *entry) expire(s *Store, now time.Time) {
	if until := e.usefulUntil(); until.After(now) {
		s.expiry.schedule(&e.removal, until)
		return
	}
	s.writer.changed(e)
	s.remove(e)
}

// usefulUntil returns when the record counts for no watcher any longer, and no late delivery of it is to be expected.
func (e *entry) usefulUntil() time.Time {
	if e.class() == isResolved {
		return e.ResolvedAt.Add(resolvedRetention)
	}
	if e.pushed {
		return expiryPolicy{pushed: true}.lifetime(&e.record, e.LastSeen.Time, e.until()).end
	}
	if len(e.selections) == 0 {
		return later(e.LastSeen.Time, e.unselectedSince).Add(unselectedRetention)
	}
	until := defaultPolicy.lifetime(&e.record, e.LastSeen.Time, forever).end
	for w := range e.selections {
		until = later(until, w.policy.lifetime(&e.record, e.LastSeen.Time, forever).end)
	}
	return until
}
