package chaos

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// copies are old deliveries that may arrive once more, late.
type copies struct {
	mu sync.Mutex
	// firing is the newest body that said that an alert fires.
	firing map[alertID][]byte
}

// keep remembers the body for the alerts that fire in it.
func (c *copies) keep(all []message, body []byte) {
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

// repeat lets the firing of the nth alert that has resolved arrive once more.
func (e *env) repeat(ctx context.Context, n int) {
	over := e.ledger.resolved()
	if len(over) == 0 {
		return
	}
	id := over[n%len(over)]
	if body := e.sent.of(id); body != nil {
		e.ledger.say("a late copy: %s", id)
		e.doors[n%peers].deliver(ctx, body)
	}
}

// resolved are the alerts of which a resolve was accepted, and nothing newer was sent.
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
