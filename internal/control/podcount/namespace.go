package podcount

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/impulse-sh/impulse/internal/kube/watch"
	"github.com/impulse-sh/impulse/triggers"
)

// namespace holds the unfinished pods of a namespace. The cache's lock guards groups.
type namespace struct {
	*watch.Cache[triggers.PodQuery, pod]

	groups map[triggers.PodQuery]*group
}

// pod is the part of a pod that is counted.
type pod struct {
	labels labels.Set
	node   string
}

func trim(object any) (pod, bool) {
	p, ok := object.(*corev1.Pod)
	if !ok || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return pod{}, false
	}
	return pod{labels: p.Labels, node: p.Spec.NodeName}, true
}

// group is the count of one query.
type group struct {
	selector labels.Selector
	byNode   bool
	pods     int64
	// nodes is the number of pods on each node.
	nodes map[string]int64
	users int
}

// count returns the number of pods, or of nodes.
func (g *group) count() int64 {
	if g.byNode {
		return int64(len(g.nodes))
	}
	return g.pods
}

// add adds a pod if the selector selects it; with -1 it removes the pod. Nil is no pod.
func (g *group) add(p *pod, n int64) {
	if p == nil || !g.selector.Matches(p.labels) {
		return
	}
	g.pods += n
	if p.node == "" { // It is not scheduled yet.
		return
	}
	if g.nodes[p.node] += n; g.nodes[p.node] == 0 {
		delete(g.nodes, p.node)
	}
}

// update replaces a version of a pod by another; nil means that there is none. The cache is locked.
func (n *namespace) update(before, after *pod) {
	for q, g := range n.groups {
		old := g.count()
		g.add(before, -1)
		g.add(after, 1)
		if g.count() != old {
			n.Notify(q)
		}
	}
}

// count counts the pods of a query, and notifies when their number changes, until the function that it returns is called.
func (n *namespace) count(q triggers.PodQuery, notified watch.Subscriber) (stop func(), err error) {
	selector, err := labels.Parse(q.Selector)
	if err != nil {
		return nil, fmt.Errorf("read the selector of the pods: %w", err)
	}
	n.Lock()
	defer n.Unlock()
	g := n.groups[q]
	if g == nil {
		g = &group{selector: selector, byNode: q.ByNode, nodes: map[string]int64{}}
		for _, p := range n.All() {
			g.add(&p, 1)
		}
		n.groups[q] = g
	}
	g.users++
	n.SubscribeLocked(q, notified)
	return func() {
		n.Lock()
		defer n.Unlock()
		n.UnsubscribeLocked(q, notified)
		if g.users--; g.users == 0 {
			delete(n.groups, q)
		}
	}, nil
}

// result is a count, or the reason why it is unknown.
type result struct {
	count int64
	err   error
}

func (r result) equal(other result) bool {
	if r.err != nil && other.err != nil {
		return r.err.Error() == other.err.Error()
	}
	return r.err == nil && other.err == nil && r.count == other.count
}

// lookup returns the count of a query that is counted; false while neither it nor a reason is known.
func (n *namespace) lookup(q triggers.PodQuery) (result, bool) {
	n.Lock()
	defer n.Unlock()
	synced, err := n.Synced()
	if !synced || err != nil {
		return result{err: err}, synced
	}
	return result{count: n.groups[q].count()}, true
}
