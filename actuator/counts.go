package actuator

import (
	"context"
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// errNoCount: the target does not say how many replicas it wants, and a default is not ours to guess.
var errNoCount = errors.New("target has no replica count yet: set one")

// sight is a target as the watch shows it. Without counted, its count is not in sight.
type sight struct {
	scale   Scale
	counted bool
}

// counts is the table of one kind of target.
type counts struct {
	table[types.NamespacedName, sight]
	client *Client
	kind   kindName
	paths  paths // Where a custom resource keeps its count. Only follow uses it.
	direct bool  // The watch shows counts: a target that shows none has none. mu is held.
}

func newCounts(c *Client, kind kindName) *counts {
	n := &counts{client: c, kind: kind}
	n.table = table[types.NamespacedName, sight]{
		source: n.open,
		trim:   func(obj any) (sight, bool) { return see(obj, n.paths), true },
		change: func(name types.NamespacedName, _, _ *sight) { n.bells.ring(name) },
		rows:   make(map[types.NamespacedName]sight),
		bells:  make(bells[types.NamespacedName]),
	}
	return n
}

// finding is what counts know of one target: its Scale, or the reason why its count is not known. With ask, the watch
// cannot show counts, and the Scale has to be asked for.
type finding struct {
	scale Scale
	ask   bool
	err   error
}

// look returns what is known of a target; false while that is not settled.
func (n *counts) look(name types.NamespacedName) (finding, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	seen, there := n.rows[name]
	settled, err := n.settled()
	switch {
	case err != nil || !settled:
		return finding{scale: seen.scale, err: err}, settled
	case !there:
		return finding{err: ErrNotFound}, true
	case !seen.counted && n.direct:
		return finding{err: errNoCount}, true
	}
	return finding{scale: seen.scale, ask: !seen.counted}, true
}

// open finds the kind and the cheapest watch that shows its counts.
func (n *counts) open(ctx context.Context) (cache.ListerWatcher, error) {
	c := n.client
	if n.refused() {
		c.kinds.forget(n.kind) // It may have been removed, and made again, since it was found.
	}
	gvr, err := c.kinds.find(ctx, n.kind)
	if err != nil {
		return nil, err
	}
	if gvr.Group == appsv1.GroupName || gvr.Group == corev1.GroupName {
		n.shows(true)
		return c.watchTyped(gvr)
	}
	var direct bool
	n.paths, direct = c.kinds.scalePaths(ctx, gvr)
	n.shows(direct)
	if direct {
		return c.watchDynamic(gvr), nil
	}
	return c.watchMetadata(gvr), nil
}

func (n *counts) refused() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return lasting(n.err)
}

func (n *counts) shows(direct bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.direct = direct
}
