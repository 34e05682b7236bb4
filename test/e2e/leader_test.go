package e2e

import (
	"cmp"
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

func TestLeader(t *testing.T) {
	t.Parallel()
	t.Run("either replica accepts alerts, and a killed leader is replaced", testEitherReplicaAcceptsAlertsAndKilledLeaderIsReplaced)
	t.Run("a leader that was paused writes nothing when it resumes", testLeaderThatWasPausedWritesNothingWhenItResumes)
	t.Run("a count that was decided and not written is written by the next process", testCountThatWasDecidedAndNotWrittenIsWrittenByNextProcess)
	t.Run("a write that arrives too late is corrected", testWriteThatArrivesTooLateIsCorrected)
	t.Run("a leader that is cut off acknowledges nothing that the next has not read", testLeaderThatIsCutOffAcknowledgesNothingThatNextHasNotRead)
}

// holder returns the identity in the Lease of the leader.
func (e *env) holder(ctx context.Context) (identity string) {
	e.t.Helper()
	err := waitFor(ctx, timeout, "the Lease is read", func(ctx context.Context) (bool, error) {
		lease, err := e.Kube.CoordinationV1().Leases(e.Namespace).Get(ctx, "impulse", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		identity = *cmp.Or(lease.Spec.HolderIdentity, new(""))
		return true, nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return identity
}

// pair runs two replicas, of which the first leads. An object scales web on the alert web.
func pair(t *testing.T, e *env, args ...string) (leads, other *impulse) {
	t.Helper()
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	leads = e.run(args...)
	e.condition("web", "Ready", "True", "Ready")
	first := e.holder(t.Context())
	other = e.run()
	e.ensureLeads(first, leads, other)
	return leads, other
}

// ensureLeads starts the other replica again until the one with an identity leads: on a busy machine it may have lost its Lease.
func (e *env) ensureLeads(identity string, leads, other *impulse) {
	e.t.Helper()
	for e.holder(e.t.Context()) != identity {
		other.Kill()
		e.until("the first replica leads again", func(ctx context.Context) (bool, error) {
			return e.holder(ctx) == identity, leads.Err()
		}, func() string { return leads.LogTail(logTail) })
		e.restart(other)
	}
}

// postUntilOK posts until the response is 200, and returns the status codes before.
func (e *env) postUntilOK(i *impulse, status string) (before map[int]int) {
	e.t.Helper()
	before = map[int]int{}
	e.until("the alert is accepted", func(ctx context.Context) (bool, error) {
		code := post(ctx, i.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("web", status))
		if code != http.StatusOK && code != 0 { // Without a response the sender repeats the message, too.
			before[code]++
		}
		return code == http.StatusOK, i.Err()
	}, func() string { return i.LogTail(logTail) })
	return before
}

func testEitherReplicaAcceptsAlertsAndKilledLeaderIsReplaced(t *testing.T) {
	e := newEnv(t)
	a, b := pair(t, e)
	leader := e.holder(t.Context())
	e.webhook(b, "web", "firing") // It does not lead, and is answered by who does.
	e.AwaitReplicas("web", 5)
	keeps := e.ExpectReplicas("web", 5)
	a.Kill()
	before := e.postUntilOK(b, "firing")
	if delete(before, http.StatusServiceUnavailable); len(before) > 0 || e.holder(t.Context()) == leader {
		t.Errorf("until %s led instead of %s, the responses were %v; want 503 only", e.holder(t.Context()), leader, before)
	}
	e.restart(a)
	e.webhook(a, "other", "firing") // The next leader has decided by now.
	keeps()
	e.webhook(a, "web", "resolved")
	e.AwaitReplicas("web", 1)
}

// counts returns the counts of a Deployment in the order of their writes, including the last one before the stop.
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
		e.until("the watch has shown the last write", func(context.Context) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			return generation >= last, nil
		}, func() string { return "" })
		stream.Stop()
		<-done
		return all
	}
}

// A paused leader still assumes that it leads and that the alert fires: when it resumes, its state asks for five replicas.
func testLeaderThatWasPausedWritesNothingWhenItResumes(t *testing.T) {
	e := newEnv(t)
	a, b := pair(t, e)
	e.webhook(a, "web", "firing")
	e.AwaitReplicas("web", 5)
	if err := a.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	e.postUntilOK(b, "resolved")
	e.AwaitReplicas("web", 1)
	counts := e.counts("web")
	// A request that is sent just before the old leader resumes gets the new leader's response, or 503.
	answered := make(chan int, 1)
	go func() {
		answered <- post(t.Context(), a.url+"/v1/alertmanager/other", testkit.AlertmanagerWebhook("web", "firing"))
	}()
	if err := a.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	e.until("the old leader follows", func(context.Context) (bool, error) {
		return strings.Contains(a.LogTail(logTail), "lease is lost"), a.Err()
	}, func() string { return a.LogTail(logTail) })
	e.ready(a) // It passes on now.
	if code := <-answered; code != http.StatusOK && code != http.StatusServiceUnavailable {
		t.Errorf("the response to a request during the pause is %d", code)
	}
	e.postUntilOK(a, "resolved")
	if got := counts(); len(got) != 1 || got[0] != 1 {
		t.Errorf("after the pause the counts were %v", got)
	}
}

func testCountThatWasDecidedAndNotWrittenIsWrittenByNextProcess(t *testing.T) {
	e := newEnv(t)
	slow := newSlowProxy(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run("--kubeconfig", slow.kubeconfig)
	e.condition("web", "Ready", "True", "Ready")
	slow.holdWrites()
	e.webhook(i, "web", "firing")
	slow.awaitHeld()
	i.Kill()
	if n := e.count(t.Context(), "web"); n != 1 {
		t.Fatalf("there are %d replicas: the write was not delayed", n)
	}
	e.run()
	e.AwaitReplicas("web", 5)
}

// The network may delay a write until another process leads. It takes effect at most once, and only if the count was not written since.
func testWriteThatArrivesTooLateIsCorrected(t *testing.T) {
	e := newEnv(t)
	slow := newSlowProxy(t)
	a, b := pair(t, e, "--kubeconfig", slow.kubeconfig)
	slow.holdWrites()
	e.webhook(a, "web", "firing") // Accepted; the write to five is on its way.
	late := slow.awaitHeld()
	e.webhook(a, "web", "resolved") // One replica is right again.
	if err := a.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	counts := e.counts("web")
	e.postUntilOK(b, "resolved") // It leads, and has nothing to write.
	if code := slow.release(late); code/100 != 2 {
		t.Fatalf("the response to the late write is %d, although the count was not written since", code)
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

// A leader whose connection to the API server stalls reads and writes nothing for as long as another one takes to lead and to read
// all records. Records that it wrote then would be lost.
func testLeaderThatIsCutOffAcknowledgesNothingThatNextHasNotRead(t *testing.T) {
	e := newEnv(t)
	slow := newSlowProxy(t)
	a, b := pair(t, e, "--kubeconfig", slow.kubeconfig)
	leader, answered := e.holder(t.Context()), make(chan int, 2)
	send := func(status string) {
		answered <- post(t.Context(), a.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("web", status))
	}
	goOn := slow.stall()
	go send("firing")
	for !slow.isHeldBefore(answered) { // It did not lead any more when the alert came.
		goOn()
		e.ensureLeads(leader, a, b)
		e.webhook(a, "web", "resolved")
		goOn = slow.stall()
		go send("firing")
	}
	go send("resolved") // It waits for the next write.
	e.until("the other process leads", func(ctx context.Context) (bool, error) {
		return post(ctx, b.url+"/v1/alertmanager/other", testkit.AlertmanagerWebhook("web", "firing")) == http.StatusOK, b.Err()
	}, func() string { return b.LogTail(logTail) })
	goOn()
	for range 2 {
		if code := <-answered; code != http.StatusServiceUnavailable {
			t.Errorf("the old leader responded %d, and the new leader does not have the alert", code)
		}
	}
	e.postUntilOK(b, "firing") // The sender repeats it.
	e.AwaitReplicas("web", 5)
}
