package actuator

import (
	"context"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/kube/watch"
)

// errNoCount is the error of a target without a replica count: this package does not guess the default of its kind.
var errNoCount = errors.New("target has no replica count yet: set one")

// observedScale is the Scale of a target as the watch shows it. Without hasCount the watch does not show its count.
type observedScale struct {
	scale    Scale
	hasCount bool
}

// counts holds all targets of one kind.
type counts struct {
	*watch.Cache[types.NamespacedName, observedScale]

	client *Client
	kind   kindName
	paths  paths // Where a custom resource has its count. Only the goroutine of Run uses it.
	// direct means that the watch shows counts: a target without one has none. The cache's lock guards it.
	direct bool
}

func newCounts(c *Client, kind kindName) *counts {
	n := &counts{client: c, kind: kind}
	n.Cache = watch.NewCache(watch.Options[types.NamespacedName, observedScale]{
		Source:   n.open,
		Trim:     func(obj any) (observedScale, bool) { return observe(obj, n.paths), true },
		OnChange: func(name types.NamespacedName, _, _ *observedScale) { n.Notify(name) },
		OnError:  c.logUnread(kind.String(), "the last counts are used: a write fails if they have changed"), OnRead: c.logRead(kind.String()),
		MapError: readError, Lasting: lasting, Expires: true, MaxRetry: maxRetry,
	})
	return n
}

// lookup is what counts know of one target: its Scale, or the reason why its count is unknown. With unseen, the watch does not show
// counts, and the Scale must be read. With both a Scale and an error, the Scale is the last one that is known.
type lookup struct {
	scale  Scale
	unseen bool
	err    error
}

// lookup returns the cached state of a target; false while nothing is known of it.
func (n *counts) lookup(name types.NamespacedName) (lookup, bool) {
	n.Lock()
	defer n.Unlock()
	observed, exists := n.Get(name)
	synced, err := n.Synced()
	switch {
	case !synced, !n.Listed(), err != nil && (lasting(err) || !exists):
		return lookup{scale: observed.scale, err: err}, synced
	case !exists:
		return lookup{err: ErrNotFound}, true
	case !observed.hasCount && n.direct:
		return lookup{err: errNoCount}, true
	}
	if err != nil {
		err = fmt.Errorf("changes are not seen at present, the last count is used: %w", err)
	}
	return lookup{scale: observed.scale, unseen: !observed.hasCount, err: err}, true
}

// open finds the resource of the kind, and the cheapest watch that shows its counts.
func (n *counts) open(ctx context.Context) (cache.ListerWatcher, error) {
	c := n.client
	if n.hasLastingError() {
		c.kinds.forget(n.kind) // It may have been removed, and installed again, since it was found.
	}
	gvr, err := c.kinds.find(ctx, n.kind)
	if err != nil {
		return nil, err
	}
	if gvr.Group == appsv1.GroupName || gvr.Group == corev1.GroupName {
		n.setDirect(true)
		return c.watchTyped(gvr)
	}
	var direct bool
	n.paths, direct = c.kinds.scalePaths(ctx, gvr)
	n.setDirect(direct)
	if direct {
		return c.watchDynamic(gvr), nil
	}
	return c.watchMetadata(gvr), nil
}

// hasLastingError reports whether the counts are unknown for a reason that tends to last.
func (n *counts) hasLastingError() bool {
	n.Lock()
	defer n.Unlock()
	_, err := n.Synced()
	return lasting(err)
}

func (n *counts) setDirect(direct bool) {
	n.Lock()
	defer n.Unlock()
	n.direct = direct
}
