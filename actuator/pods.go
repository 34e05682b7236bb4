package actuator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/internal/kube/watch"
)

// selection names the pods of a namespace that a label selector selects.
type selection struct{ namespace, selector string }

// Reasons why the pods of a selection are unknown.
var (
	// errNoSelector is the error of a target without a selector; an empty one would select all pods of the namespace.
	errNoSelector    = errors.New("target has no selector")
	errPodsUnwatched = errors.New("the pods of this target are not watched")
	errPodsUnlisted  = errors.New("the pods have not been listed yet")
)

// pods holds all pods.
type pods struct {
	*watch.Cache[selection, cachedPod]

	groups map[string]map[selection]*group // By namespace. The cache's lock guards them.
}

// group holds the names of the pods of a selection, and the number of those that are ready.
type group struct {
	selector labels.Selector
	names    map[string]struct{}
	ready    int32
	users    int
}

// update replaces a version of a pod by another; nil means that there is none. It reports whether the number of ready pods changed.
func (g *group) update(name string, before, after *cachedPod) bool {
	was, is := g.has(before), g.has(after)
	switch {
	case is:
		g.names[name] = struct{}{}
	case was:
		delete(g.names, name)
	}
	old := g.ready
	if was && before.isReady() {
		g.ready--
	}
	if is && after.isReady() {
		g.ready++
	}
	return g.ready != old
}

func (g *group) has(pod *cachedPod) bool { return pod != nil && g.selector.Matches(pod.labels) }

func newPods(c *Client) *pods {
	p := &pods{groups: make(map[string]map[selection]*group)}
	p.Cache = watch.NewCache(watch.Options[selection, cachedPod]{
		Source: func(context.Context) (cache.ListerWatcher, error) {
			return c.watchTyped(corev1.SchemeGroupVersion.WithResource("pods"))
		},
		Trim: func(obj any) (cachedPod, bool) {
			pod, ok := obj.(*corev1.Pod)
			if !ok {
				return cachedPod{}, false
			}
			return trimPod(pod), true
		},
		OnChange: p.onChange,
		OnError:  c.logUnread("pods", "the pods of all targets are unknown"), OnRead: c.logRead("pods"),
		// Pods that cannot be read any more become unknown: others may be ready by now.
		MapError: readError, Lasting: lasting, Expires: true, MaxRetry: maxRetry,
	})
	return p
}

func (p *pods) onChange(name types.NamespacedName, before, after *cachedPod) {
	for s, g := range p.groups[name.Namespace] {
		if g.update(name.Name, before, after) {
			p.Notify(s)
		}
	}
}

// count counts the ready pods of a selection, and notifies n when their number changes, until the function that it returns is called.
func (p *pods) count(s selection, n watch.Subscriber) (stop func(), err error) {
	if s.selector == "" {
		return nil, errNoSelector
	}
	p.Lock()
	defer p.Unlock()
	g, ok := p.groups[s.namespace][s]
	if !ok {
		parsed, err := labels.Parse(s.selector)
		if err != nil {
			return nil, fmt.Errorf("read the selector of the target: %w", err)
		}
		g = p.newGroup(s, parsed)
	}
	g.users++
	p.SubscribeLocked(s, n)
	return func() { p.stopCount(s, g, n) }, nil
}

func (p *pods) newGroup(s selection, parsed labels.Selector) *group {
	g := &group{selector: parsed, names: make(map[string]struct{})}
	for name, pod := range p.All() {
		if name.Namespace == s.namespace {
			g.update(name.Name, nil, &pod)
		}
	}
	if p.groups[s.namespace] == nil {
		p.groups[s.namespace] = make(map[selection]*group)
	}
	p.groups[s.namespace][s] = g
	return g
}

func (p *pods) stopCount(s selection, g *group, n watch.Subscriber) {
	p.Lock()
	defer p.Unlock()
	p.UnsubscribeLocked(s, n)
	g.users--
	if g.users > 0 {
		return
	}
	delete(p.groups[s.namespace], s)
	if len(p.groups[s.namespace]) == 0 {
		delete(p.groups, s.namespace)
	}
}

// readiness is the number of ready pods of a selection, or -1 and the reason why it is unknown.
type readiness struct {
	ready int32
	err   error
}

// lookup returns the number of ready pods of a selection that is counted; false while neither it nor a reason is known.
func (p *pods) lookup(s selection) (readiness, bool) {
	p.Lock()
	defer p.Unlock()
	synced, err := p.Synced()
	g := p.groups[s.namespace][s]
	if !synced || err != nil || g == nil {
		return readiness{ready: -1, err: err}, synced
	}
	return readiness{ready: g.ready}, true
}

// list returns the pods of a selection that is counted, in the order of their names.
func (p *pods) list(s selection) ([]Pod, error) {
	p.Lock()
	defer p.Unlock()
	g := p.groups[s.namespace][s]
	switch synced, err := p.Synced(); {
	case err != nil:
		return nil, fmt.Errorf("watch pods: %w", err)
	case g == nil:
		return nil, errPodsUnwatched
	case !synced:
		return nil, errPodsUnlisted
	}
	all := make([]Pod, 0, len(g.names))
	for _, name := range slices.Sorted(maps.Keys(g.names)) {
		pod, _ := p.Get(types.NamespacedName{Namespace: s.namespace, Name: name})
		all = append(all, pod.Pod)
	}
	return all, nil
}

// Pods returns the pods of a namespace that a label selector selects, in the order of their names, as the watch of pods shows them
// now. It sends no request. A Watch with WatchOptions.Pods of a target with this selector must run. The memory to which the pods point is shared
// and must not be changed.
func (c *Client) Pods(namespace, selector string) ([]Pod, error) {
	if selector == "" {
		return nil, errNoSelector
	}
	p, running := c.pods.Get(struct{}{})
	if !running {
		return nil, errPodsUnwatched
	}
	return p.list(selection{namespace, selector})
}
