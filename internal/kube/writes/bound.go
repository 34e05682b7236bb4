package writes

import "time"

// bound bounds the writes in flight, by additive increase and multiplicative decrease.
type bound struct {
	least, most, limit, inFlight int
	// changed is when the limit last shrank.
	changed time.Time
}

func newBound(least, most int) bound { return bound{least: least, most: most, limit: most} }

// free reports whether another write may begin.
func (b *bound) free() bool { return b.inFlight < b.limit }

// whole reports whether the limit is as large as it can be.
func (b *bound) whole() bool { return b.limit == b.most }

// smallest reports whether the limit is as small as it can be.
func (b *bound) smallest() bool { return b.limit == b.least }

// end notes that a write has ended. One that was too slow, or was not accepted because of the load, halves the limit, unless it has just been
// halved. Any other adds one.
func (b *bound) end(pushedBack bool, now time.Time) {
	b.inFlight--
	switch {
	case !pushedBack:
		b.limit = min(b.limit+1, b.most)
	case now.Sub(b.changed) >= calm:
		b.limit, b.changed = max(b.limit/2, b.least), now
	}
}
