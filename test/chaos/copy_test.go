package chaos

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// copies are old deliveries that may arrive again, late.
type copies struct {
	mu sync.Mutex
	// firing is the newest body in which an alert fires.
	firing map[alertID][]byte
}

// store stores the body for the alerts that fire in it.
func (c *copies) store(all []message, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range all {
		if m.firing {
			c.firing[m.alert] = body
		}
	}
}

func (c *copies) of(id alertID) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.firing[id]
}

// repeat delivers the firing of the nth resolved alert again.
func (e *env) repeat(ctx context.Context, n int) {
	over := e.ledger.resolved()
	if len(over) == 0 {
		return
	}
	id := over[n%len(over)]
	if body := e.sent.of(id); body != nil {
		e.ledger.log("a late copy: %s", id)
		e.balancers[n%peers].deliver(ctx, body)
	}
}

// resolved returns the alerts whose resolve was accepted, and of which nothing newer was sent.
func (l *ledger) resolved() []alertID {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := map[alertID]bool{}
	for _, d := range l.deliveries {
		if d.firing || !d.accepted.IsZero() {
			over[d.alert] = !d.firing
		}
	}
	var all []alertID
	for id, is := range over {
		if is {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, func(a, b alertID) int {
		return cmp.Or(cmp.Compare(a.object, b.object), cmp.Compare(a.instance, b.instance))
	})
	return all
}
