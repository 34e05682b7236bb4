package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/actuator"
)

// targetKey is a target, whatever version of its API it is named by.
type targetKey struct{ namespace, group, kind, name string }

func targetKeyOf(t actuator.Target) targetKey {
	group, _, found := strings.Cut(t.APIVersion, "/")
	if !found {
		group = ""
	}
	return targetKey{t.Namespace, group, t.Kind, t.Name}
}

// claim lets an object claim a target, and gives up the one that it had claimed before.
func (c *Controller) claim(ctx context.Context, m *entry, target targetKey) {
	if m.claimed != target && m.claimed != (targetKey{}) {
		c.stop(m)
		c.release(ctx, m)
	}
	m.claimed = target
	rivals := c.claimants[target]
	if !slices.Contains(rivals, m) {
		rivals = append(rivals, m)
		slices.SortStableFunc(rivals, func(a, b *entry) int { return a.so.CreationTimestamp.Compare(b.so.CreationTimestamp.Time) })
		c.claimants[target] = rivals
	}
	c.assign(ctx, target)
}

// release takes back an object's claim; whoever comes next gets the target.
func (c *Controller) release(ctx context.Context, m *entry) {
	rivals := slices.DeleteFunc(c.claimants[m.claimed], func(other *entry) bool { return other == m })
	if len(rivals) == 0 {
		delete(c.claimants, m.claimed)
	} else {
		c.claimants[m.claimed] = rivals
		c.assign(ctx, m.claimed)
	}
	m.claimed = targetKey{}
}

// assign gives a target to the oldest of those who claim it, of two as old to the one that came first, and refuses the
// others.
func (c *Controller) assign(ctx context.Context, target targetKey) {
	rivals := c.claimants[target]
	owner := rivals[0]
	for _, m := range rivals[1:] {
		c.stop(m)
		c.refuse(m, targetInUse, fmt.Sprintf("ScaledObject %s scales the same %s; remove one of the two", owner.key, target.kind))
	}
	c.run(ctx, owner)
}
