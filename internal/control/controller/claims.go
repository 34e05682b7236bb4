package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// targetKey identifies a target, regardless of the API version by which an object refers to it.
type targetKey struct{ namespace, group, kind, name string }

func targetKeyOf(t actuator.Target) targetKey {
	group, _, found := strings.Cut(t.APIVersion, "/")
	if !found {
		group = ""
	}
	return targetKey{t.Namespace, group, t.Kind, t.Name}
}

// claim adds an object to the claimants of a target, and releases the target that it claimed before.
func (c *Controller) claim(ctx context.Context, e *entry, target targetKey) {
	if e.claimed != target && e.claimed != (targetKey{}) {
		c.stop(e)
		c.release(ctx, e)
	}
	e.claimed = target
	claimants := c.claimants[target]
	if !slices.Contains(claimants, e) {
		claimants = append(claimants, e)
		slices.SortStableFunc(claimants, func(a, b *entry) int { return a.so.CreationTimestamp.Compare(b.so.CreationTimestamp.Time) })
		c.claimants[target] = claimants
	}
	c.assign(ctx, target)
}

// release removes an object from the claimants of its target, and assigns the target to the next claimant.
func (c *Controller) release(ctx context.Context, e *entry) {
	claimants := slices.DeleteFunc(c.claimants[e.claimed], func(other *entry) bool { return other == e })
	if len(claimants) == 0 {
		delete(c.claimants, e.claimed)
	} else {
		c.claimants[e.claimed] = claimants
		c.assign(ctx, e.claimed)
	}
	e.claimed = targetKey{}
}

// assign gives a target to its oldest claimant, or to the first one that claimed it if several are equally old, and refuses the
// others.
func (c *Controller) assign(ctx context.Context, target targetKey) {
	claimants := c.claimants[target]
	owner := claimants[0]
	for _, e := range claimants[1:] {
		c.stop(e)
		c.refuse(e, v1alpha1.ReasonTargetInUse, fmt.Sprintf("ScaledObject %s scales the same %s; remove one of the two", owner.key, target.kind))
	}
	c.run(ctx, owner)
}
