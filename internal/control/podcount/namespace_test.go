package podcount

import (
	"fmt"
	"math/rand/v2"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
)

func TestNamespace(t *testing.T) {
	t.Parallel()
	t.Run("incremental counts equal fresh counts", testIncrementalCountsEqualFreshCounts)
}

// testIncrementalCountsEqualFreshCounts lets pods come, change and go at random while queries come and go.
func testIncrementalCountsEqualFreshCounts(t *testing.T) {
	t.Parallel()
	selectors := []string{"", "app=a", "app in (a,b)", "!app", "app=b,tier=x"}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		n := newNamespace(nil, "shop")
		_ = n.Store().Replace(nil, "")
		truth, last := map[string]*corev1.Pod{}, map[triggers.PodQuery]int64{}
		notifiers, stops := map[triggers.PodQuery]testkit.Notifier{}, map[triggers.PodQuery]func(){}
		for range 500 {
			churn(r, n, truth)
			for q := range notifiers {
				checkCount(t, seed, n, q, notifiers[q], last, truth)
			}
			q := triggers.PodQuery{Namespace: "shop", Selector: selectors[r.IntN(len(selectors))], ByNode: r.IntN(2) == 0}
			switch stop := stops[q]; {
			case stop == nil:
				notifiers[q] = testkit.NewNotifier()
				var err error
				if stops[q], err = n.count(q, notifiers[q]); err != nil {
					t.Fatal(err)
				}
				last[q] = fresh(q, truth)
			case r.IntN(4) == 0:
				stop()
				delete(stops, q)
				delete(notifiers, q)
			}
		}
		for _, stop := range stops {
			stop()
		}
		if len(n.groups) != 0 || n.Subscribed() != 0 {
			t.Errorf("seed %d: after the last query, %d groups and %d subscriptions are left, want none", seed, len(n.groups), n.Subscribed())
		}
	}
}

// checkCount compares a count with a fresh one. If it changed, the notifier must have been notified.
func checkCount(
	t *testing.T, seed uint64, n *namespace, q triggers.PodQuery, notifier testkit.Notifier, last map[triggers.PodQuery]int64, truth map[string]*corev1.Pod,
) {
	t.Helper()
	got, known := n.lookup(q)
	want := fresh(q, truth)
	if !known || got.err != nil || got.count != want {
		t.Fatalf("seed %d: %+v: got %+v, want %d", seed, q, got, want)
	}
	notified := false
	select {
	case <-notifier:
		notified = true
	default:
	}
	if want != last[q] && !notified {
		t.Fatalf("seed %d: %+v: got no notification of the change from %d to %d", seed, q, last[q], want)
	}
	last[q] = want
}

// churn changes one pod, or now and then lists all again, in n and in truth.
func churn(r *rand.Rand, n *namespace, truth map[string]*corev1.Pod) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint("pod-", r.IntN(8)), Labels: map[string]string{}}}
	if app := r.IntN(3); app < 2 {
		p.Labels["app"] = string(rune('a' + app))
	}
	if r.IntN(2) == 0 {
		p.Labels["tier"] = "x"
	}
	if node := r.IntN(4); node < 3 {
		p.Spec.NodeName = fmt.Sprint("node-", node)
	}
	p.Status.Phase = []corev1.PodPhase{corev1.PodPending, corev1.PodRunning, corev1.PodUnknown, corev1.PodSucceeded, corev1.PodFailed, ""}[r.IntN(6)]
	_, exists := truth[p.Name]
	switch {
	case r.IntN(50) == 0:
		all := make([]any, 0, len(truth))
		for _, one := range truth {
			all = append(all, one)
		}
		_ = n.Store().Replace(all, "")
	case exists && r.IntN(3) == 0:
		delete(truth, p.Name)
		_ = n.Store().Delete(p)
	case exists:
		truth[p.Name] = p
		_ = n.Store().Update(p)
	default:
		truth[p.Name] = p
		_ = n.Store().Add(p)
	}
}

// fresh counts the pods of a query from nothing.
func fresh(q triggers.PodQuery, truth map[string]*corev1.Pod) int64 {
	selector, err := labels.Parse(q.Selector)
	if err != nil {
		return -1
	}
	nodes, count := map[string]bool{}, int64(0)
	for _, p := range truth {
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed || !selector.Matches(labels.Set(p.Labels)) {
			continue
		}
		count++
		if p.Spec.NodeName != "" {
			nodes[p.Spec.NodeName] = true
		}
	}
	if q.ByNode {
		return int64(len(nodes))
	}
	return count
}
