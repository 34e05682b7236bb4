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
)

// errNoSelector: which pods are the target's is not known; an empty selector would select all of the namespace.
var errNoSelector = errors.New("target does not say which pods are its own")

// selection is the pods of a namespace that a label selector selects.
type selection struct{ namespace, selector string }

// Why pods cannot be told although they are wanted.
var (
	errPodsUnwatched = errors.New("the pods of this target are not watched")
	errPodsUnlisted  = errors.New("the pods have not been listed yet")
)

// pods is the table of pods.
type pods struct {
	table[selection, podRow]
	groups map[string]map[selection]*group // By namespace. mu is held.
}

// group knows the pods of a selection, by name, and counts those that are ready.
type group struct {
	selector labels.Selector
	names    map[string]struct{}
	ready    int32
	users    int
}

// alter takes in a pod that came, changed or went; nil is a pod that is not there. It reports whether another number of
// pods is ready than before.
func (g *group) alter(name string, before, after *podRow) bool {
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

func (g *group) has(pod *podRow) bool { return pod != nil && g.selector.Matches(pod.labels) }

func newPods(c *Client) *pods {
	p := &pods{groups: make(map[string]map[selection]*group)}
	p.table = table[selection, podRow]{
		source: func(context.Context) (cache.ListerWatcher, error) {
			return c.watchTyped(corev1.SchemeGroupVersion.WithResource("pods"))
		},
		trim: func(obj any) (podRow, bool) {
			pod, ok := obj.(*corev1.Pod)
			if !ok {
				return podRow{}, false
			}
			return trimPod(pod), true
		},
		change: p.change,
		rows:   make(map[types.NamespacedName]podRow),
		bells:  make(bells[selection]),
	}
	return p
}

func (p *pods) change(name types.NamespacedName, before, after *podRow) {
	for s, g := range p.groups[name.Namespace] {
		if g.alter(name.Name, before, after) {
			p.bells.ring(s)
		}
	}
}

// count starts to count the ready pods of a selection and leaves a bell there, until the function that it returns is
// called.
func (p *pods) count(s selection, one bell) (func(), error) {
	if s.selector == "" {
		return nil, errNoSelector
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g, ok := p.groups[s.namespace][s]
	if !ok {
		parsed, err := labels.Parse(s.selector)
		if err != nil {
			return nil, fmt.Errorf("read the selector of the target: %w", err)
		}
		g = p.newGroup(s, parsed)
	}
	g.users++
	p.bells.add(s, one)
	return func() { p.leave(s, g, one) }, nil
}

func (p *pods) newGroup(s selection, parsed labels.Selector) *group {
	g := &group{selector: parsed, names: make(map[string]struct{})}
	for name, row := range p.rows {
		if name.Namespace == s.namespace {
			g.alter(name.Name, nil, &row)
		}
	}
	if p.groups[s.namespace] == nil {
		p.groups[s.namespace] = make(map[selection]*group)
	}
	p.groups[s.namespace][s] = g
	return g
}

func (p *pods) leave(s selection, g *group, one bell) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bells.remove(s, one)
	g.users--
	if g.users > 0 {
		return
	}
	delete(p.groups[s.namespace], s)
	if len(p.groups[s.namespace]) == 0 {
		delete(p.groups, s.namespace)
	}
}

// readiness is the number of ready pods of a selection, -1 with the reason why it is not known.
type readiness struct {
	ready int32
	err   error
}

// look returns the ready pods of a selection that is counted; false while they are not settled.
func (p *pods) look(s selection) (readiness, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	settled, err := p.settled()
	g := p.groups[s.namespace][s]
	if !settled || err != nil || g == nil {
		return readiness{ready: -1, err: err}, settled
	}
	return readiness{ready: g.ready}, true
}

// list returns the pods of a selection that is counted, in the order of their names.
func (p *pods) list(s selection) ([]Pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.groups[s.namespace][s]
	switch settled, err := p.settled(); {
	case err != nil:
		return nil, fmt.Errorf("watch pods: %w", err)
	case g == nil:
		return nil, errPodsUnwatched
	case !settled:
		return nil, errPodsUnlisted
	}
	all := make([]Pod, 0, len(g.names))
	for _, name := range slices.Sorted(maps.Keys(g.names)) {
		all = append(all, p.rows[types.NamespacedName{Namespace: s.namespace, Name: name}].Pod)
	}
	return all, nil
}

// Pods returns the pods of a namespace that a label selector selects, in the order of their names, as the watch of pods
// shows them at this instant: it asks nobody. There must be a Watch, with WatchOptions.Pods, of a target whose pods these
// are. What the pods point to is shared and must not be changed.
func (c *Client) Pods(namespace, selector string) ([]Pod, error) {
	if selector == "" {
		return nil, errNoSelector
	}
	p, running := c.pods.get(struct{}{})
	if !running {
		return nil, errPodsUnwatched
	}
	return p.list(selection{namespace, selector})
}
