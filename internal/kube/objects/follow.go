package objects

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Change is what Follow observes: a complete list, one object, or that the connection is interrupted.
type Change struct {
	// List has all objects; nil in other changes. It replaces what was observed before.
	List *v1alpha1.ScaledObjectList
	// Object was added or changed, or Deleted.
	Object  *v1alpha1.ScaledObject
	Deleted bool
	// Err is why the objects cannot be followed at present. The next change without it ends the interruption; it may have nothing else.
	Err error
}

const (
	// shortestDelay and longestDelay bound the time between two attempts to connect.
	shortestDelay = time.Second
	longestDelay  = 30 * time.Second
)

// Follow passes the objects that a query selects, and then their changes, to observe, until ctx is done. It returns an error only if the
// first list fails. Later it tries again, with delays that grow; a watch that the server closes is continued where it ended.
func (c *Client) Follow(ctx context.Context, q Query, observe func(Change)) error {
	f := follower{client: c, query: q, observe: observe}
	if err := f.list(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		var err error
		if f.version == "" {
			err = f.list(ctx)
		}
		if err == nil {
			err = f.watch(ctx)
		}
		if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			f.version, err = "", nil
		}
		f.pause(ctx, err)
	}
	return nil
}

// follower is the state of Follow.
type follower struct {
	client  *Client
	query   Query
	observe func(Change)
	// version is the version of the last change; "" means that all objects must be listed.
	version string
	// failures are the attempts in a row that have failed.
	failures int
}

// list reads all objects.
func (f *follower) list(ctx context.Context) error {
	list, err := f.client.List(ctx, f.query)
	if err != nil {
		return err
	}
	f.version, f.failures = list.ResourceVersion, 0
	f.observe(Change{List: list})
	return nil
}

// watch observes changes until the server closes the watch, and returns nil then.
func (f *follower) watch(ctx context.Context) error {
	w, err := f.client.request(f.query).Param("watch", "true").Param("allowWatchBookmarks", "true").Param("resourceVersion", f.version).Watch(ctx)
	if err != nil {
		return fmt.Errorf("watch the ScaledObjects: %w", f.client.explain(err, "watch", f.query.Namespace))
	}
	defer w.Stop()
	if f.failures > 0 {
		f.failures = 0
		f.observe(Change{})
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.ResultChan():
			if !open {
				return nil
			}
			if e.Type == watch.Error {
				return apierrors.FromObject(e.Object)
			}
			f.changed(e)
		}
	}
}

// changed observes one event of the watch.
func (f *follower) changed(e watch.Event) {
	so, ok := e.Object.(*v1alpha1.ScaledObject)
	if !ok {
		return
	}
	f.version = so.ResourceVersion
	if e.Type != watch.Bookmark {
		f.observe(Change{Object: clean(so), Deleted: e.Type == watch.Deleted})
	}
}

// pause waits before the next attempt, after each failure in a row longer. A failure is observed.
func (f *follower) pause(ctx context.Context, err error) {
	delay := shortestDelay
	if err != nil && ctx.Err() == nil {
		f.observe(Change{Err: err})
		delay = min(shortestDelay<<min(f.failures, 10), longestDelay)
		f.failures++
	}
	select {
	case <-ctx.Done():
	case <-time.After(delay):
	}
}
