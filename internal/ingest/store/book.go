package store

import (
	"container/list"
	"strings"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// overhead is what a record takes beside what it says: its names, times and states.
	overhead = 600
	// levelOverhead bounds the field level without its key, in bytes.
	levelOverhead = 50
)

// sizeOf bounds the bytes that a record takes when it is written.
func sizeOf(door string, level *v1alpha1.LevelRecord, labels, annotations map[string]string) int {
	n := overhead + quoted(door)
	if level != nil {
		n += quoted(level.Key) + levelOverhead
	}
	for _, set := range []map[string]string{labels, annotations} {
		for k, v := range set {
			n += quoted(k) + quoted(v) + 2
		}
	}
	return n
}

// quoted bounds the length of a string in JSON.
func quoted(s string) int {
	n := len(s) + 2
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20, c == '<', c == '>', c == '&':
			n += 5
		case c == '"', c == '\\':
			n++
		case c >= 0x80:
			n += 2 // A line separator, or what is no text, becomes 6 for 3 or fewer.
		}
	}
	return n
}

// booking is how a record was counted last.
type booking struct {
	class class
	rank  rank
	size  int
	group string
	// accounts are those that count it, and places where they have it among what may be dropped.
	accounts [3]*account
	places   [3]*list.Element
}

// book counts a record as what it is now; s.mu is held.
func (s *Store) book(r *fact) {
	s.unbook(r)
	b := &r.booked
	b.class, b.rank, b.size, b.group = r.class(), s.rankOf(r), r.size(), r.Group
	b.accounts = s.accounts(r.Endpoint)
	r.shard.bytes += b.size
	for i, a := range b.accounts {
		b.places[i] = a.add(r, b)
		if a.count[isResolved] > a.bound.most[isResolved] {
			s.beyond = append(s.beyond, a)
		}
	}
	if b.group != "" {
		g := group{r.Endpoint, b.group}
		if s.groups[g] == nil {
			s.groups[g] = map[*fact]struct{}{}
		}
		s.groups[g][r] = struct{}{}
	}
}

// unbook takes a record out of the counts; s.mu is held.
func (s *Store) unbook(r *fact) {
	b := &r.booked
	if b.class == uncounted {
		return
	}
	r.shard.bytes -= b.size
	for i, a := range b.accounts {
		a.remove(b, b.places[i])
	}
	if g := (group{r.Endpoint, b.group}); b.group != "" {
		if delete(s.groups[g], r); len(s.groups[g]) == 0 {
			delete(s.groups, g)
		}
	}
	*b = booking{}
}

// refresh notes that a record was heard of: others are dropped before it; s.mu is held.
func (r *fact) refresh() {
	b := &r.booked
	if b.rank == kept || b.class == isResolved {
		return
	}
	for i, a := range b.accounts {
		a.loose[b.rank].MoveToBack(b.places[i])
	}
}

func (r *fact) size() int { return sizeOf(r.Endpoint, r.Level, r.Labels, r.Annotations) }

// namespaceOf takes a door's name apart.
func namespaceOf(door string) (namespace string, direct bool) {
	namespace, rest, _ := strings.Cut(door, "/")
	return namespace, strings.HasPrefix(rest, "/")
}

// ParseEndpoint takes a door's name apart: a direct one has an object and a trigger, any other a credential.
func ParseEndpoint(name string) Endpoint {
	namespace, rest, _ := strings.Cut(name, "/")
	direct, ok := strings.CutPrefix(rest, "/")
	if !ok {
		return Endpoint{Namespace: namespace, Credential: rest}
	}
	object, trigger, _ := strings.Cut(direct, "/")
	return Endpoint{Namespace: namespace, Object: object, Trigger: trigger}
}

func isDirectDoor(door string) bool {
	_, direct := namespaceOf(door)
	return direct
}
