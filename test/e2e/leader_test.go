package e2e

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// pair runs two replicas, of which the first leads; the object of w scales web on the alert web.
func pair(t *testing.T, w *world, args ...string) (leads, other *impulse) {
	t.Helper()
	w.deployment("web", 1)
	w.apply(onAlert("web"))
	leads = w.run(args...)
	other = w.run()
	w.condition("web", "Ready", "True", "Ready")
	return leads, other
}

// answered posts until that is answered with 200, and returns the other answers before.
func (w *world) answered(i *impulse, status string) (before map[int]int) {
	w.t.Helper()
	before = map[int]int{}
	w.until("the alert is accepted", func(ctx context.Context) (bool, error) {
		code := post(ctx, i.url+"/v1/alertmanager/"+w.ns, webhookBody("web", status))
		if code != http.StatusOK {
			before[code]++
		}
		return code == http.StatusOK, i.Err()
	}, func() string { return logOf(i.Process) })
	return before
}

func TestEitherReplicaTakesAlertsAndAKilledLeaderIsReplaced(t *testing.T) {
	w := newWorld(t)
	a, b := pair(t, w)
	w.webhook(b, "web", "firing") // It does not lead, and is answered by who does.
	w.replicas("web", 5)
	keeps := w.never("web", 5)
	a.Kill()
	before := w.answered(b, "firing")
	if len(before) != 1 || before[http.StatusServiceUnavailable] == 0 {
		t.Errorf("until another one led, the answers were %v", before)
	}
	w.restart(a)
	w.webhook(a, "other", "firing") // The next leader has decided by now.
	keeps()
	w.webhook(a, "web", "resolved")
	w.replicas("web", 1)
}

// counts are those of a Deployment, as they were written one after the other, the last one before the stop included.
func (w *world) counts(name string) (stop func() []int32) {
	w.t.Helper()
	stream, err := w.kube.AppsV1().Deployments(w.ns).Watch(w.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		w.t.Fatal(err)
	}
	var mu sync.Mutex
	var all []int32
	var generation int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range stream.ResultChan() {
			d, ok := e.Object.(*appsv1.Deployment)
			if !ok || e.Type == watch.Deleted {
				continue
			}
			mu.Lock()
			generation = d.Generation
			if len(all) == 0 || all[len(all)-1] != *d.Spec.Replicas {
				all = append(all, *d.Spec.Replicas)
			}
			mu.Unlock()
		}
	}()
	return func() []int32 {
		last := w.version(name) // A watch may be behind what a GET reads.
		w.until("the watch has come to the last write", func(context.Context) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			return generation >= last, nil
		}, func() string { return "" })
		stream.Stop()
		<-done
		return all
	}
}

// A paused leader believes that it leads, and that the alert fires: when it wakes up, what it sees calls for five replicas.
func TestALeaderThatWasPausedWritesNothingWhenItWakesUp(t *testing.T) {
	w := newWorld(t)
	a, b := pair(t, w)
	w.webhook(a, "web", "firing")
	w.replicas("web", 5)
	if err := a.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.answered(b, "resolved")
	w.replicas("web", 1)
	counts := w.counts("web")
	// It is told by the sender, too, which has waited all the time: the answer is what the leader says, or 503.
	answered := make(chan int, 1)
	go func() { answered <- post(t.Context(), a.url+"/v1/alertmanager/other", webhookBody("web", "firing")) }()
	if err := a.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.until("the old leader has noticed", func(context.Context) (bool, error) {
		return strings.Contains(logOf(a.Process), "lease is lost"), a.Err()
	}, func() string { return logOf(a.Process) })
	w.ready(a) // It passes on now.
	if code := <-answered; code != http.StatusOK && code != http.StatusServiceUnavailable {
		t.Errorf("who asked while it slept was answered with %d", code)
	}
	w.answered(a, "resolved")
	if got := counts(); len(got) != 1 || got[0] != 1 {
		t.Errorf("after it woke up the counts were %v", got)
	}
}

func TestWhatWasAcceptedAndNotYetWrittenIsWrittenByTheNextProcess(t *testing.T) {
	w := newWorld(t)
	slow := newSlowWay(t)
	w.deployment("web", 1)
	w.apply(onAlert("web"))
	i := w.run("--kubeconfig", slow.kubeconfig)
	w.condition("web", "Ready", "True", "Ready")
	slow.hold()
	w.webhook(i, "web", "firing")
	slow.caught()
	i.Kill()
	if n := w.count(t.Context(), "web"); n != 1 {
		t.Fatalf("there are %d replicas: the write was not held up", n)
	}
	w.run()
	w.replicas("web", 5)
}

// The network may hold a write up until another one leads. It lands at most once, and only where nobody has written since.
func TestAWriteThatComesTooLateIsCorrected(t *testing.T) {
	w := newWorld(t)
	slow := newSlowWay(t)
	a, b := pair(t, w, "--kubeconfig", slow.kubeconfig)
	slow.hold()
	w.webhook(a, "web", "firing") // Accepted; the write to five is on its way.
	late := slow.caught()
	w.webhook(a, "web", "resolved") // One replica is right again.
	if err := a.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	counts := w.counts("web")
	w.answered(b, "resolved") // It leads, and has nothing to write.
	if code := slow.release(late); code/100 != 2 {
		t.Fatalf("the late write was answered with %d: nobody has written since", code)
	}
	w.replicas("web", 1)
	if got := counts(); len(got) != 3 || got[1] != 5 || got[2] != 1 {
		t.Errorf("the counts were %v, want one late write and its correction: 1, 5, 1", got)
	}
	if err := a.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	keeps := w.never("web", 1)
	w.ready(a)
	keeps()
}

// A leader whose way to the API server stalls has read and written nothing for as long as another one takes to lead, and to read
// all records. What it could write then would be nobody's.
func TestALeaderThatIsCutOffAnswersForNothingThatTheNextHasNotRead(t *testing.T) {
	w := newWorld(t)
	slow := newSlowWay(t)
	a, b := pair(t, w, "--kubeconfig", slow.kubeconfig)
	goOn := slow.stall()
	answered := make(chan int, 2)
	send := func(status string) {
		answered <- post(t.Context(), a.url+"/v1/alertmanager/"+w.ns, webhookBody("web", status))
	}
	go send("firing")
	slow.caught()
	go send("resolved") // It waits for the next write.
	w.until("the other one leads", func(ctx context.Context) (bool, error) {
		return post(ctx, b.url+"/v1/alertmanager/other", webhookBody("web", "firing")) == http.StatusOK, b.Err()
	}, func() string { return logOf(b.Process) })
	goOn()
	for range 2 {
		if code := <-answered; code != http.StatusServiceUnavailable {
			t.Errorf("it answered with %d, and the new leader has not heard of it", code)
		}
	}
	w.answered(b, "firing") // The sender repeats it.
	w.replicas("web", 5)
}
