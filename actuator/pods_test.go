package actuator

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestPods(t *testing.T) {
	t.Parallel()
	t.Run("only pods that are running and ready are counted", testOnlyPodsThatAreRunningAndReadyAreCounted)
	t.Run("incremental counts of pods equal a fresh count", testIncrementalCountsOfPodsEqualFreshCount)
}

func testOnlyPodsThatAreRunningAndReadyAreCounted(t *testing.T) {
	t.Parallel()
	isReady := []corev1.PodCondition{{Type: corev1.PodScheduled}, {Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	notReady := []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	for _, c := range []struct {
		what string
		pod  corev1.PodStatus
		want bool
	}{
		{"running and ready", corev1.PodStatus{Phase: corev1.PodRunning, Conditions: isReady}, true},
		{"running, not ready", corev1.PodStatus{Phase: corev1.PodRunning, Conditions: notReady}, false},
		{"running, without the condition Ready", corev1.PodStatus{Phase: corev1.PodRunning}, false},
		{"pending", corev1.PodStatus{Phase: corev1.PodPending, Conditions: isReady}, false},
		{"succeeded", corev1.PodStatus{Phase: corev1.PodSucceeded, Conditions: isReady}, false},
	} {
		pod := corev1.Pod{Status: c.pod}
		if got := readyPod(&pod); got != c.want {
			t.Errorf("%s: %t, want %t", c.what, got, c.want)
		}
		pod.DeletionTimestamp = &metav1.Time{}
		if readyPod(&pod) {
			t.Errorf("%s, and being deleted: true, want false", c.what)
		}
	}
}

// readyPod reports whether a pod counts.
func readyPod(pod *corev1.Pod) bool {
	cached := trimPod(pod)
	return cached.isReady()
}

// testIncrementalCountsOfPodsEqualFreshCount lets pods come, change and go at random while selections come and go.
func testIncrementalCountsOfPodsEqualFreshCount(t *testing.T) {
	t.Parallel()
	selectors := []string{"app=a", "app in (a,b)", "!app", "tier=x,app=b"}
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 0))
		p := newPods(&Client{})
		_ = p.Store().Replace(nil, "")
		truth := make(map[string]*corev1.Pod)
		readers := make(map[selection]*reader)
		for range 300 {
			churn(random, p, truth)
			s := selection{fmt.Sprint("ns", random.IntN(2)), selectors[random.IntN(len(selectors))]}
			switch r, reads := readers[s]; {
			case !reads:
				readers[s] = newReader(t, p, s, truth)
			case random.IntN(8) == 0:
				r.close()
				delete(readers, s)
			}
			for _, r := range readers {
				r.check(t, truth)
			}
		}
		for _, r := range readers {
			r.close()
		}
		if len(p.groups) != 0 || p.Subscribed() != 0 {
			t.Fatalf("seed %d: after the last reader %d groups and %d subscriptions are left, want none", seed, len(p.groups), p.Subscribed())
		}
	}
}

// reader reads a selection twice, as two watchers would.
type reader struct {
	pods      *pods
	selection selection
	notifiers [2]testkit.Notifier
	ends      [2]func()
	last      int32
}

func newReader(t *testing.T, p *pods, s selection, truth map[string]*corev1.Pod) *reader {
	t.Helper()
	r := &reader{pods: p, selection: s, last: recount(s, truth)}
	for i := range r.notifiers {
		r.notifiers[i] = testkit.NewNotifier()
		end, err := p.count(s, r.notifiers[i])
		if err != nil {
			t.Fatal(err)
		}
		r.ends[i] = end
	}
	return r
}

// check compares the count with the truth. When it changed, both notifiers must have been notified.
func (r *reader) check(t *testing.T, truth map[string]*corev1.Pod) {
	t.Helper()
	got, _ := r.pods.lookup(r.selection)
	if want := recount(r.selection, truth); got.ready != want {
		t.Fatalf("%v has %d ready pods, want %d", r.selection, got.ready, want)
	}
	if listed, err := r.pods.list(r.selection); err != nil || !slices.Equal(namesOf(listed), selected(r.selection, truth)) {
		t.Fatalf("%v has the pods %v (%v), want %v", r.selection, namesOf(listed), err, selected(r.selection, truth))
	}
	for _, one := range r.notifiers {
		select {
		case <-one:
		default:
			if got.ready != r.last {
				t.Fatalf("%v went from %d to %d without a notification", r.selection, r.last, got.ready)
			}
		}
	}
	r.last = got.ready
}

func (r *reader) close() {
	for _, end := range r.ends {
		end()
	}
}

// churn changes a pod, or now and then all of them, in p and in truth.
func churn(random *rand.Rand, p *pods, truth map[string]*corev1.Pod) {
	m := p.Store()
	pod := randomPod(random)
	key := pod.Namespace + "/" + pod.Name
	_, there := truth[key]
	switch {
	case random.IntN(50) == 0:
		clear(truth)
		var all []any
		for range 10 {
			pod := randomPod(random)
			truth[pod.Namespace+"/"+pod.Name] = pod
		}
		for _, pod := range truth {
			all = append(all, pod)
		}
		_ = m.Replace(all, "")
	case there && random.IntN(3) == 0:
		delete(truth, key)
		_ = m.Delete(pod)
	case there:
		truth[key] = pod
		_ = m.Update(pod)
	default:
		truth[key] = pod
		_ = m.Add(pod)
	}
}

func randomPod(random *rand.Rand) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: fmt.Sprint("ns", random.IntN(2)), Name: fmt.Sprint("pod", random.IntN(8)), Labels: map[string]string{},
	}}
	if app := random.IntN(3); app < 2 {
		pod.Labels["app"] = string(rune('a' + app))
	}
	if random.IntN(2) == 0 {
		pod.Labels["tier"] = "x"
	}
	if random.IntN(4) == 0 {
		pod.DeletionTimestamp = &metav1.Time{}
	}
	if random.IntN(3) > 0 {
		pod.Status.Phase = corev1.PodRunning
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	return pod
}

func recount(s selection, truth map[string]*corev1.Pod) int32 {
	selector, err := labels.Parse(s.selector)
	if err != nil {
		return -1
	}
	var n int32
	for _, pod := range truth {
		if pod.Namespace == s.namespace && readyPod(pod) && selector.Matches(labels.Set(pod.Labels)) {
			n++
		}
	}
	return n
}

// selected returns the names of the pods of a selection, sorted.
func selected(s selection, truth map[string]*corev1.Pod) []string {
	selector, err := labels.Parse(s.selector)
	if err != nil {
		return nil
	}
	var names []string
	for _, pod := range truth {
		if pod.Namespace == s.namespace && selector.Matches(labels.Set(pod.Labels)) {
			names = append(names, pod.Name)
		}
	}
	slices.Sort(names)
	return names
}

func namesOf(pods []Pod) []string {
	var names []string
	for i := range pods {
		names = append(names, pods[i].Name)
	}
	return names
}
