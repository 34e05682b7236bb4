package store

import (
	"maps"
	"slices"
	"time"
)

const (
	// fullFor is how long Full reports a refused delivery.
	fullFor = 5 * time.Minute
	// maxFull bounds the owners that Full reports.
	maxFull = 100
)

// addition is an alert of a delivery that needs space: it is new, begins again, or has other annotations.
type addition struct {
	class class
	bytes int
	// stored: the alert is counted already, and only needs more bytes.
	stored bool
	// refused: there is no space.
	refused bool
	// index is its first position in the delivery.
	index int
}

// checkCapacity finds the additions of a delivery, and refuses those that there is no space for: all, or only those that no object
// selects. Repeats and resolves of stored alerts need no space, and are never refused. The mutex is held.
func (s *Store) checkCapacity(keys []key, delivered []Alert) (map[key]*addition, error) {
	if s.loadErr != nil {
		return nil, s.loadErr
	}
	all, needed := s.additions(keys, delivered)
	if len(all) == 0 {
		return nil, nil
	}
	accounts := s.accounts.of(keys[0].endpoint)
	if !slices.ContainsFunc(accounts[:], func(a *account) bool { return a.exceedsCount(&needed) || a.exceedsBytes(&needed) }) {
		return all, nil
	}
	var selected demand
	unselected := map[key]*addition{}
	for k, n := range all {
		if s.maySelect(k, &delivered[n.index]) {
			selected.add(n)
		} else {
			unselected[k] = n
		}
	}
	for _, a := range accounts {
		if err := a.canFit(&selected); err != nil {
			return all, s.refuse(err, all)
		}
	}
	for _, a := range accounts {
		if err := a.canFit(&needed); err != nil {
			return all, s.refuse(err, unselected)
		}
	}
	return all, nil
}

// additions returns the additions of a delivery, and the space that they need together. An alert that is in the delivery several times
// needs the largest space of them. The mutex is held.
func (s *Store) additions(keys []key, delivered []Alert) (map[key]*addition, demand) {
	all := map[key]*addition{}
	for i, k := range keys {
		old, a := s.index.records[k], &delivered[i]
		if old != nil && (!a.Firing || old.class() != isResolved && old.hasContent(a)) {
			continue
		}
		n := all[k]
		if n == nil {
			n = &addition{index: i}
			all[k] = n
		}
		more := sizeOf(k.endpoint, a.Level, a.Labels, a.Annotations)
		if old != nil {
			more -= old.charge.size
			n.stored = old.class() != isResolved
		}
		n.bytes = max(n.bytes, more)
		if n.class == uncounted || a.Firing {
			n.class = classOf(k.endpoint, a.Firing)
		}
	}
	var needed demand
	for _, n := range all {
		needed.add(n)
	}
	return all, needed
}

// classOf returns what an alert or level of an endpoint counts as.
func classOf(endpoint string, firing bool) class {
	if !firing {
		return isResolved
	}
	if _, isTrigger := namespaceOf(endpoint); isTrigger {
		return isPushed
	}
	return isFiring
}

// maySelect reports whether an object selects an alert, or may do so once all objects have been read. The mutex is held.
func (s *Store) maySelect(k key, a *Alert) bool {
	if !s.selectorsKnown {
		return true
	}
	if e := s.index.records[k]; e != nil {
		return len(e.selections) > 0
	}
	r := firstRecord(k, a, a.StartsAt)
	return len(s.index.watchersOf(&r)) > 0
}

// refuse marks additions as refused, and has Full report why for a while. The mutex is held.
func (s *Store) refuse(why *FullError, some map[key]*addition) error {
	for _, n := range some {
		n.refused = true
	}
	s.counts.refused++
	if _, known := s.full[why.Owner]; known || len(s.full) < maxFull {
		s.full[why.Owner] = refusal{s.now(), why}
	}
	return why
}

// refusal is when a delivery was last refused, and why.
type refusal struct {
	at  time.Time
	why *FullError
}

// Full returns the limits for which deliveries were refused within the last five minutes, and whose they are, one line each. It is no
// reason to stop sending: stored alerts may resolve, and others have space.
func (s *Store) Full() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	maps.DeleteFunc(s.full, func(_ string, r refusal) bool { return now.Sub(r.at) > fullFor })
	var all []string
	for _, owner := range slices.Sorted(maps.Keys(s.full)) {
		all = append(all, s.full[owner].why.Error())
	}
	return all
}

// makeSpace evicts records until there is space for an addition, or refuses the addition: one that would make a shard too large in
// place, or one that was itself evicted for another of its delivery. The mutex is held.
func (s *Store) makeSpace(k key, n *addition, a *Alert) error {
	need := *n
	accounts, e := s.accounts.of(k.endpoint), s.index.records[k]
	switch {
	case e == nil:
		need.stored, need.bytes = false, max(n.bytes, sizeOf(k.endpoint, a.Level, a.Labels, a.Annotations))
	case n.bytes > 0 && e.shard.bytes+n.bytes > longestShard:
		why := accounts[0].full("may have %d bytes in one shard, and was sent %d more for a shard that has %d", longestShard, n.bytes, e.shard.bytes)
		return s.refuse(why, map[key]*addition{k: n})
	}
	var needed demand
	needed.add(&need)
	for _, a := range accounts {
		for a.exceedsCount(&needed) && s.evict(a, n.class.evicts()) {
		}
		for r := range kept {
			for a.exceedsBytes(&needed) && s.evict(a, r) {
			}
		}
		if why := a.canFit(&needed); why != nil {
			return s.refuse(why, map[key]*addition{k: n})
		}
	}
	return nil
}

// evictResolved forgets the oldest resolved records beyond the limits, those that no object selects first. The mutex is held.
func (s *Store) evictResolved() {
	for _, a := range s.accounts.overfull {
		for a.count[isResolved] > a.limits.count[isResolved] {
			if !s.evict(a, resolvedUnselected) && !s.evict(a, resolvedSelected) {
				break
			}
		}
	}
	s.accounts.overfull = nil
}

// evict removes the record of a rank that was delivered longest ago, and reports whether there was one. The mutex is held.
func (s *Store) evict(a *account, r rank) bool {
	e := s.accounts.oldest(a, r)
	if e == nil {
		return false
	}
	if e.class() != isResolved {
		s.counts.dropped++
		s.losses.markDropped(e.namespace, s.now())
	}
	s.writer.changed(e)
	s.remove(e)
	return true
}
