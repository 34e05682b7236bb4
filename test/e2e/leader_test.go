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

	"github.com/impulse-sh/impulse/internal/testkit"
)

// pair runs two replicas, of which the first leads; the object of e scales web on the alert web.
func pair(t *testing.T, e *env, args ...string) (leads, other *impulse) {
	t.Helper()
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	leads = e.run(args...)
	other = e.run()
	e.condition("web", "Ready", "True", "Ready")
	return leads, other
}

// answered posts until that is answered with 200, and returns the other answers before.
func (e *env) answered(i *impulse, status string) (before map[int]int) {
	e.t.Helper()
	before = map[int]int{}
	e.until("the alert is accepted", func(ctx context.Context) (bool, error) {
		code := post(ctx, i.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("web", status))
		if code != http.StatusOK {
			before[code]++
		}
		return code == http.StatusOK, i.Err()
	}, func() string { return i.LogTail(logTail) })
	return before
}

func TestEitherReplicaTakesAlertsAndAKilledLeaderIsReplaced(t *testing.T) {
	e := newEnv(t)
	a, b := pair(t, e)
	e.webhook(b, "web", "firing") // It does not lead, and is answered by who does.
	e.AwaitReplicas("web", 5)
	keeps := e.ExpectReplicas("web", 5)
	a.Kill()
	before := e.answered(b, "firing")
	if len(before) != 1 || before[http.StatusServiceUnavailable] == 0 {
		t.Errorf("until another one led, the answers were %v", before)
	}
	e.restart(a)
	e.webhook(a, "other", "firing") // The next leader has decided by now.
	keeps()
	e.webhook(a, "web", "resolved")
	e.AwaitReplicas("web", 1)
}

// counts are those of a Deployment, as they were written one after the other, the last one before the stop included.
func (e *env) counts(name string) (stop func() []int32) {
	e.t.Helper()
	stream, err := e.Kube.AppsV1().Deployments(e.Namespace).Watch(e.t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		e.t.Fatal(err)
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
		last := e.version(name) // A watch may be behind what a GET reads.
		e.until("the watch has come to the last write", func(context.Context) (bool, error) {
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
	e := newEnv(t)
	a, b := pair(t, e)
	e.webhook(a, "web", "firing")
	e.AwaitReplicas("web", 5)
	if err := a.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	e.answered(b, "resolved")
	e.AwaitReplicas("web", 1)
	counts := e.counts("web")
	// It is told by the sender, too, which has waited all the time: the answer is what the leader says, or 503.
	answered := make(chan int, 1)
	go func() {
		answered <- post(t.Context(), a.url+"/v1/alertmanager/other", testkit.AlertmanagerWebhook("web", "firing"))
	}()
	if err := a.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	e.until("the old leader has noticed", func(context.Context) (bool, error) {
		return strings.Contains(a.Process.LogTail(logTail), "lease is lost"), a.Err()
	}, func() string { return a.Process.LogTail(logTail) })
	e.ready(a) // It passes on now.
	if code := <-answered; code != http.StatusOK && code != http.StatusServiceUnavailable {
		t.Errorf("who asked while it slept was answered with %d", code)
	}
	e.answered(a, "resolved")
	if got := counts(); len(got) != 1 || got[0] != 1 {
		t.Errorf("after it woke up the counts were %v", got)
	}
}

func TestWhatWasAcceptedAndNotYetWrittenIsWrittenByTheNextProcess(t *testing.T) {
	e := newEnv(t)
	slow := newSlowWay(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run("--kubeconfig", slow.kubeconfig)
	e.condition("web", "Ready", "True", "Ready")
	slow.hold()
	e.webhook(i, "web", "firing")
	slow.caught()
	i.Kill()
	if n := e.count(t.Context(), "web"); n != 1 {
		t.Fatalf("there are %d replicas: the write was not held up", n)
	}
	e.run()
	e.AwaitReplicas("web", 5)
}

// The network may hold a write up until another one leads. It lands at most once, and only where nobody has written since.
func TestAWriteThatComesTooLateIsCorrected(t *testing.T) {
	e := newEnv(t)
	slow := newSlowWay(t)
	a, b := pair(t, e, "--kubeconfig", slow.kubeconfig)
	slow.hold()
	e.webhook(a, "web", "firing") // Accepted; the write to five is on its way.
	late := slow.caught()
	e.webhook(a, "web", "resolved") // One replica is right again.
	if err := a.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	counts := e.counts("web")
	e.answered(b, "resolved") // It leads, and has nothing to write.
	if code := slow.release(late); code/100 != 2 {
		t.Fatalf("the late write was answered with %d: nobody has written since", code)
	}
	e.AwaitReplicas("web", 1)
	if got := counts(); len(got) != 3 || got[1] != 5 || got[2] != 1 {
		t.Errorf("the counts were %v, want one late write and its correction: 1, 5, 1", got)
	}
	if err := a.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	keeps := e.ExpectReplicas("web", 1)
	e.ready(a)
	keeps()
}

// A leader whose way to the API server stalls has read and written nothing for as long as another one takes to lead, and to read
// all records. What it could write then would be nobody's.
func TestALeaderThatIsCutOffAnswersForNothingThatTheNextHasNotRead(t *testing.T) {
	e := newEnv(t)
	slow := newSlowWay(t)
	a, b := pair(t, e, "--kubeconfig", slow.kubeconfig)
	goOn := slow.stall()
	answered := make(chan int, 2)
	send := func(status string) {
		answered <- post(t.Context(), a.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("web", status))
	}
	go send("firing")
	slow.caught()
	go send("resolved") // It waits for the next write.
	e.until("the other one leads", func(ctx context.Context) (bool, error) {
		return post(ctx, b.url+"/v1/alertmanager/other", testkit.AlertmanagerWebhook("web", "firing")) == http.StatusOK, b.Err()
	}, func() string { return b.Process.LogTail(logTail) })
	goOn()
	for range 2 {
		if code := <-answered; code != http.StatusServiceUnavailable {
			t.Errorf("it answered with %d, and the new leader has not heard of it", code)
		}
	}
	e.answered(b, "firing") // The sender repeats it.
	e.AwaitReplicas("web", 5)
}
