package store

import (
	"maps"
	"slices"
	"time"
)

const (
	// fullFor is how long it is said that something was refused.
	fullFor = 5 * time.Minute
	// maxFull bounds the accounts of which it is.
	maxFull = 100
)

// newcomer is an alert of a delivery that needs room: it is new, begins again, or says more than before.
type newcomer struct {
	class class
	bytes int
	// stored: it counts already, and only says more.
	stored bool
	// refused: there is no room.
	refused bool
	// index is where it is in the delivery first.
	index int
}

// admit finds room for what a delivery through one door holds, or refuses it: all that is new, or only what nobody selects.
// It never concerns what is stored already, repeats and resolves, which need none. s.mu is held.
func (s *Store) admit(keys []key, delivered []Alert) (map[key]*newcomer, error) {
	if s.loadErr != nil {
		return nil, s.loadErr
	}
	all, needed := s.newcomers(keys, delivered)
	if len(all) == 0 {
		return nil, nil
	}
	accounts := s.accounts(keys[0].door)
	if !slices.ContainsFunc(accounts[:], func(a *account) bool { return a.lacksCount(&needed) || a.lacksBytes(&needed) }) {
		return all, nil
	}
	var selected demand
	unselected := map[key]*newcomer{}
	for k, n := range all {
		if s.isSelected(k, &delivered[n.index]) {
			selected.add(n)
		} else {
			unselected[k] = n
		}
	}
	for _, a := range accounts {
		if err := a.takes(&selected); err != nil {
			return all, s.refuse(err, all)
		}
	}
	for _, a := range accounts {
		if err := a.takes(&needed); err != nil {
			return all, s.refuse(err, unselected)
		}
	}
	return all, nil
}

// newcomers are those of a delivery, and what they need together; s.mu is held. One that is in it more than once needs what it
// needs most.
func (s *Store) newcomers(keys []key, delivered []Alert) (map[key]*newcomer, demand) {
	all := map[key]*newcomer{}
	for i, k := range keys {
		old, a := s.alerts[k], &delivered[i]
		if old != nil && (!a.Firing || old.class() != isResolved && old.says(a)) {
			continue
		}
		n := all[k]
		if n == nil {
			n = &newcomer{index: i}
			all[k] = n
		}
		more := sizeOf(k.door, a.Level, a.Labels, a.Annotations)
		if old != nil {
			more -= old.booked.size
			n.stored = old.class() != isResolved
		}
		n.bytes = max(n.bytes, more)
		if n.class == uncounted || a.Firing {
			n.class = classOf(k.door, a.Firing)
		}
	}
	var needed demand
	for _, n := range all {
		needed.add(n)
	}
	return all, needed
}

// classOf is what an alert of a door counts as.
func classOf(door string, firing bool) class {
	switch {
	case !firing:
		return isResolved
	case isDirectDoor(door):
		return isPushed
	default:
		return isFiring
	}
}

// isSelected reports whether anybody selects an alert, or may before the objects have had time to; s.mu is held.
func (s *Store) isSelected(k key, a *Alert) bool {
	if r := s.alerts[k]; r != nil {
		return !s.joined || len(r.watched) > 0
	}
	return !s.joined || len(s.watchers.of(first(k, a, a.StartsAt))) > 0
}

// refuse marks newcomers as refused, and remembers for a while why; s.mu is held.
func (s *Store) refuse(why *FullError, some map[key]*newcomer) error {
	for _, n := range some {
		n.refused = true
	}
	s.counts.refused++
	if _, known := s.full[why.Owner]; known || len(s.full) < maxFull {
		s.full[why.Owner] = refusal{s.now(), why}
	}
	return why
}

// refusal is when something was refused last, and why.
type refusal struct {
	at  time.Time
	why *FullError
}

// Full says for which of the bounds something was refused of late, and whose they are. It is no reason not to send more:
// what is stored may resolve, and others have room.
func (s *Store) Full() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	maps.DeleteFunc(s.full, func(_ string, r refusal) bool { return now.Sub(r.at) > fullFor })
	var all []string
	for _, whose := range slices.Sorted(maps.Keys(s.full)) {
		all = append(all, s.full[whose].why.Error())
	}
	return all
}

// makeRoom drops what may be dropped until there is room for a newcomer, or refuses it: one that would make a shard too large
// which was not when its alerts said less, or that was itself dropped for another of its delivery; s.mu is held.
func (s *Store) makeRoom(k key, n *newcomer, a *Alert) error {
	need := *n
	accounts, r := s.accounts(k.door), s.alerts[k]
	switch {
	case r == nil:
		need.stored, need.bytes = false, max(n.bytes, sizeOf(k.door, a.Level, a.Labels, a.Annotations))
	case n.bytes > 0 && r.shard.bytes+n.bytes > longestShard:
		why := accounts[0].full("may have %d bytes in one record, and an alert in one that has %d says %d more", longestShard, r.shard.bytes, n.bytes)
		return s.refuse(why, map[key]*newcomer{k: n})
	}
	var needed demand
	needed.add(&need)
	for _, a := range accounts {
		for a.lacksCount(&needed) && s.dropFrom(a, n.class.dropped()) {
		}
		for first := range kept {
			for a.lacksBytes(&needed) && s.dropFrom(a, first) {
			}
		}
		if why := a.takes(&needed); why != nil {
			return s.refuse(why, map[key]*newcomer{k: n})
		}
	}
	return nil
}

// trim forgets the oldest resolved alerts that are beyond their bounds, those that nobody selects first; s.mu is held.
func (s *Store) trim() {
	for _, a := range s.beyond {
		for a.count[isResolved] > a.bound.most[isResolved] {
			if !s.dropFrom(a, resolvedUnselected) && !s.dropFrom(a, resolvedSelected) {
				break
			}
		}
	}
	s.beyond = nil
}

// dropFrom drops what was heard of longest ago of a rank, and reports whether there was any. Where all are short of room, it
// is the namespace's that has most of the rank; s.mu is held.
func (s *Store) dropFrom(a *account, k rank) bool {
	from := a
	if a == &s.all {
		for _, t := range s.tenants {
			if from == a || t.loose[k].Len() > from.loose[k].Len() {
				from = &t.account
			}
		}
	}
	e := from.loose[k].Front()
	if e == nil {
		return false
	}
	r, _ := e.Value.(*fact)
	if r.class() != isResolved {
		s.counts.dropped++
		s.lack(r.namespace)
	}
	s.dirty(r)
	s.drop(r)
	return true
}
