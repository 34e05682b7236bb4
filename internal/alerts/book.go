package alerts

import (
	"container/list"
	"strings"
)

// oldest holds the resolved records, those that resolved first in front.
type oldest struct{ list.List }

// overhead is what a record takes beside what it says: its names, times and states.
const overhead = 600

// sizeOf bounds the bytes that a record takes when it is written.
func sizeOf(door string, labels, annotations map[string]string) int {
	n := overhead + quoted(door)
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

// book counts a record as what it is now; s.mu is held.
func (s *Store) book(r *fact) {
	s.unbook(r)
	b := &r.booked
	b.class, b.size, b.group = r.class(), sizeOf(r.Door, r.Labels, r.Annotations), r.Group
	s.count[b.class]++
	s.shards[shardOf(r.key())].bytes += b.size
	if b.class == isPushed {
		s.perDoor[r.Door]++
	}
	if b.group != "" {
		g := group{r.Door, b.group}
		if s.groups[g] == nil {
			s.groups[g] = map[*fact]struct{}{}
		}
		s.groups[g][r] = struct{}{}
	}
	if b.class == isResolved {
		b.old = s.old.PushBack(r)
		s.forgetOldest()
	}
}

// unbook takes a record out of the counts; s.mu is held.
func (s *Store) unbook(r *fact) {
	b := &r.booked
	if b.class == uncounted {
		return
	}
	s.count[b.class]--
	s.shards[shardOf(r.key())].bytes -= b.size
	if b.class == isPushed {
		if s.perDoor[r.Door]--; s.perDoor[r.Door] == 0 {
			delete(s.perDoor, r.Door)
		}
	}
	if g := (group{r.Door, b.group}); b.group != "" {
		if delete(s.groups[g], r); len(s.groups[g]) == 0 {
			delete(s.groups, g)
		}
	}
	if b.old != nil {
		s.old.Remove(b.old)
	}
	*b = booking{}
}

// forgetOldest keeps the resolved records within their bound; s.mu is held.
func (s *Store) forgetOldest() {
	for s.old.Len() > MaxResolved {
		r, _ := s.old.Front().Value.(*fact)
		s.dirty(r)
		s.drop(r)
	}
}

// namespaceOf takes a door's name apart.
func namespaceOf(door string) (namespace string, direct bool) {
	namespace, rest, _ := strings.Cut(door, "/")
	return namespace, strings.HasPrefix(rest, "/")
}

func isDirectDoor(door string) bool {
	_, direct := namespaceOf(door)
	return direct
}
