package actuator

import (
	"context"
	"errors"
	"fmt"
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

// pods is the table of pods that are ready: their labels are all that is kept.
type pods struct {
	table[selection, labels.Set]
	groups map[string]map[selection]*group // By namespace. mu is held.
}

// group counts the ready pods of a selection.
type group struct {
	selector labels.Selector
	ready    int32
	users    int
}

func newPods(c *Client) *pods {
	p := &pods{groups: make(map[string]map[selection]*group)}
	p.table = table[selection, labels.Set]{
		source: func(context.Context) (cache.ListerWatcher, error) {
			return c.watchTyped(corev1.SchemeGroupVersion.WithResource("pods"))
		},
		trim: func(obj any) (labels.Set, bool) {
			pod, ok := obj.(*corev1.Pod)
			if !ok || !ready(pod) {
				return nil, false
			}
			return pod.Labels, true
		},
		change: p.change,
		rows:   make(map[types.NamespacedName]labels.Set),
		bells:  make(bells[selection]),
	}
	return p
}

// ready is as for a HorizontalPodAutoscaler: Running, with the condition Ready.
func ready(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodRunning &&
		slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
}

func (p *pods) change(name types.NamespacedName, before, after *labels.Set) {
	for s, g := range p.groups[name.Namespace] {
		was := before != nil && g.selector.Matches(*before)
		is := after != nil && g.selector.Matches(*after)
		switch {
		case is && !was:
			g.ready++
		case was && !is:
			g.ready--
		default:
			continue
		}
		p.bells.ring(s)
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
	g := &group{selector: parsed}
	for name, set := range p.rows {
		if name.Namespace == s.namespace && parsed.Matches(set) {
			g.ready++
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
