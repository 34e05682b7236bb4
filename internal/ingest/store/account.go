package store

import (
	"container/list"
	"fmt"
	"slices"
)

// Bounds of what is kept of everybody together. One namespace may have half of it, and one credential in it a quarter.
const (
	// MaxFiring bounds the firing alerts.
	MaxFiring = 20_000
	// MaxResolved bounds those that are remembered as resolved: the oldest are forgotten first.
	MaxResolved = 20_000
	// MaxPushed bounds the levels that were pushed through direct doors.
	MaxPushed = 20_000
	// MaxPerEndpoint bounds those of one direct door.
	MaxPerEndpoint = 1000
	// MaxBytes bounds what all of it takes when it is written.
	MaxBytes = 64 << 20
)

// bound is how much one account may hold, by class, and in bytes.
type bound struct {
	most  [isResolved + 1]int
	bytes int
}

var (
	ofAll        = bound{[...]int{isFiring: MaxFiring, isPushed: MaxPushed, isResolved: MaxResolved}, MaxBytes}
	ofNamespace  = bound{[...]int{isFiring: MaxFiring / 2, isPushed: MaxPushed / 2, isResolved: MaxResolved / 2}, MaxBytes / 2}
	ofCredential = bound{[...]int{isFiring: MaxFiring / 4, isPushed: MaxPushed / 4, isResolved: MaxResolved / 4}, MaxBytes / 4}
	ofTrigger    = bound{[...]int{isFiring: MaxFiring / 4, isPushed: MaxPerEndpoint, isResolved: MaxResolved / 4}, MaxBytes / 4}
)

// rank is when a record is dropped for want of room: the lowest first, and what is kept never.
type rank uint8

const (
	resolvedUnselected rank = iota
	firingUnselected
	pushedUnselected
	resolvedSelected
	kept
)

// dropped is the rank of what makes room for one of a class.
func (c class) dropped() rank {
	if c == isPushed {
		return pushedUnselected
	}
	return firingUnselected
}

// rankOf is the rank of a record as it is now; s.mu is held. Nobody is known to select nothing until the objects have had
// time to.
func (s *Store) rankOf(r *fact) rank {
	unselected := s.joined && len(r.watched) == 0
	switch c := r.class(); {
	case c == isResolved && unselected:
		return resolvedUnselected
	case c == isResolved:
		return resolvedSelected
	case !unselected:
		return kept
	default:
		return c.dropped()
	}
}

// account counts what is kept of one door, of one namespace, or of all.
type account struct {
	bound *bound
	// name is the door's or the namespace's.
	name  string
	count [isResolved + 1]int
	bytes int
	// loose is what may be dropped, by rank: what was heard of longest ago in front. looseBytes is what it takes.
	loose      [kept]list.List
	looseBytes int
}

// add counts a record, and returns its place among what may be dropped, or nil.
func (a *account) add(r *fact, b *booking) *list.Element {
	a.count[b.class]++
	a.bytes += b.size
	if b.rank == kept {
		return nil
	}
	a.looseBytes += b.size
	return a.loose[b.rank].PushBack(r)
}

func (a *account) remove(b *booking, place *list.Element) {
	a.count[b.class]--
	a.bytes -= b.size
	if place != nil {
		a.looseBytes -= b.size
		a.loose[b.rank].Remove(place)
	}
}

// empty reports whether it counts nothing.
func (a *account) empty() bool { return a.count == [isResolved + 1]int{} }

// demand is what newcomers need.
type demand struct {
	count [isResolved + 1]int
	bytes int
}

func (d *demand) add(n *newcomer) {
	if !n.stored {
		d.count[n.class]++
	}
	d.bytes += n.bytes
}

// takes returns why there is no room for newcomers, though all be dropped that may be; or nil.
func (a *account) takes(d *demand) *FullError {
	for c, what := range map[class]string{isFiring: "firing alerts", isPushed: "pushed levels"} {
		held := a.count[c] - a.loose[c.dropped()].Len()
		if d.count[c] > 0 && held+d.count[c] > a.bound.most[c] {
			return a.full("may have %d %s, has %d that are needed, and was sent %d more", a.bound.most[c], what, held, d.count[c])
		}
	}
	if held := a.bytes - a.looseBytes; d.bytes > 0 && held+d.bytes > a.bound.bytes {
		return a.full("may have %d bytes of alerts, has %d that are needed, and was sent %d more", a.bound.bytes, held, d.bytes)
	}
	return nil
}

// full says that a bound of the account leaves no room.
func (a *account) full(format string, args ...any) *FullError {
	return &FullError{Owner: a.whose(), Limit: fmt.Sprintf(format, args...)}
}

// lacksCount reports whether newcomers are more than there is room for as it is, and lacksBytes whether they are larger.
func (a *account) lacksCount(d *demand) bool {
	return slices.ContainsFunc([]class{isFiring, isPushed}, func(c class) bool {
		return d.count[c] > 0 && a.count[c]+d.count[c] > a.bound.most[c]
	})
}

func (a *account) lacksBytes(d *demand) bool {
	return d.bytes > 0 && a.bytes+d.bytes > a.bound.bytes
}

// whose is whom it is of, for people.
func (a *account) whose() string {
	d := ParseEndpoint(a.name)
	place := "namespace " + d.Namespace
	if d.Namespace == "" {
		place = "the cluster-wide door"
	}
	switch {
	case a.bound == &ofAll:
		return "all namespaces together"
	case a.bound == &ofNamespace:
		return place
	case d.Object != "":
		return fmt.Sprintf("trigger %s of ScaledObject %s/%s", d.Trigger, d.Namespace, d.Object)
	case d.Credential == "":
		return "whoever has no credential in " + place
	default:
		return fmt.Sprintf("credential %s in %s", d.Credential, place)
	}
}

// accounts are those of a door: its own, its namespace's and that of all; s.mu is held.
func (s *Store) accounts(door string) [3]*account {
	namespace, direct := namespaceOf(door)
	a := s.doors[door]
	if a == nil {
		a = &account{bound: &ofCredential, name: door}
		if direct {
			a.bound = &ofTrigger
		}
		s.doors[door] = a
	}
	return [3]*account{a, &s.tenant(namespace).account, &s.all}
}

// closeAccounts forgets the accounts of a door that count nothing; s.mu is held.
func (s *Store) closeAccounts(door string) {
	if a := s.doors[door]; a != nil && a.empty() {
		delete(s.doors, door)
	}
	namespace, _ := namespaceOf(door)
	s.leave(namespace)
}
