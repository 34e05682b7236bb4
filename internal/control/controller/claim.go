package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/actuator"
)

// claim is a target, whatever version of its API it is named by.
type claim struct{ namespace, group, kind, name string }

func claimOf(t actuator.Target) claim {
	group, _, found := strings.Cut(t.APIVersion, "/")
	if !found {
		group = ""
	}
	return claim{t.Namespace, group, t.Kind, t.Name}
}

// stake lets an object claim a target, and gives up the one that it had claimed before.
func (c *Controller) stake(ctx context.Context, m *member, target claim) {
	if m.claim != target && m.claim != (claim{}) {
		c.halt(m)
		c.release(ctx, m)
	}
	m.claim = target
	rivals := c.claims[target]
	if !slices.Contains(rivals, m) {
		rivals = append(rivals, m)
		slices.SortStableFunc(rivals, func(a, b *member) int { return a.so.CreationTimestamp.Compare(b.so.CreationTimestamp.Time) })
		c.claims[target] = rivals
	}
	c.settle(ctx, target)
}

// release takes back an object's claim; whoever comes next gets the target.
func (c *Controller) release(ctx context.Context, m *member) {
	rivals := slices.DeleteFunc(c.claims[m.claim], func(other *member) bool { return other == m })
	if len(rivals) == 0 {
		delete(c.claims, m.claim)
	} else {
		c.claims[m.claim] = rivals
		c.settle(ctx, m.claim)
	}
	m.claim = claim{}
}

// settle gives a target to the oldest of those who claim it, of two as old to the one that came first, and refuses the
// others.
func (c *Controller) settle(ctx context.Context, target claim) {
	rivals := c.claims[target]
	owner := rivals[0]
	for _, m := range rivals[1:] {
		c.halt(m)
		c.refuse(m, targetInUse, fmt.Sprintf("ScaledObject %s scales the same %s; remove one of the two", owner.key, target.kind))
	}
	c.run(ctx, owner)
}
