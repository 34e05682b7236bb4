package e2e

import (
	"context"
	"net/http"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestOutage(t *testing.T) {
	t.Parallel()
	t.Run("a process that starts without an API server becomes ready by itself", testProcessThatStartsWithoutAPIServerBecomesReadyByItself)
	t.Run("after an outage of the API server only the newest count is written, and nothing scales in wrongly", testAfterOutageOfAPIServerOnlyNewestCountIsWrittenAndNothingScalesInWrongly)
	t.Run("a restart of etcd and a paused API server scale nothing in wrongly", testRestartOfEtcdAndPausedAPIServerScaleNothingInWrongly)
}

const apiServer = "kube-apiserver"

// outage creates an env in a control plane of its own, whose API server the test can stop.
func outage(t *testing.T) (*env, *sandbox.ControlPlane) {
	t.Helper()
	t.Parallel()
	acquireSlot(t)
	o := sandbox.NewControlPlane(t)
	o.ApplyCRDs("../../deploy/crds")
	return envOf(t, o.NewEnv()), o
}

// awaitNotReady waits until an impulse is alive and not ready.
func (e *env) awaitNotReady(i *impulse) {
	e.t.Helper()
	e.until("impulse is alive and not ready", func(ctx context.Context) (bool, error) {
		return get(ctx, i.url+"/healthz") == http.StatusOK && get(ctx, i.url+"/readyz") == http.StatusServiceUnavailable, i.Err()
	}, func() string { return i.LogTail(logTail) })
}

// version returns the number of changes of a Deployment's spec, which are writes of replicas here.
func (e *env) version(name string) int64 {
	e.t.Helper()
	d, err := e.Kube.AppsV1().Deployments(e.Namespace).Get(e.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	return d.Generation
}

// expectWrites fails the test unless there were n writes since a version.
func (e *env) expectWrites(name string, since, n int64) {
	e.t.Helper()
	if got := e.version(name) - since; got != n {
		e.t.Errorf("%d writes, want %d", got, n)
	}
}

func testProcessThatStartsWithoutAPIServerBecomesReadyByItself(t *testing.T) {
	e, o := outage(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	o.Stop(apiServer)
	i := e.impulse()
	i.Process = e.spawn("impulse", e.command, i.args...)
	e.awaitNotReady(i)
	if code := post(t.Context(), i.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("web", "firing")); code != http.StatusServiceUnavailable {
		t.Errorf("the response to an alert that cannot be recorded is %d, want 503", code)
	}
	o.Start(apiServer)
	e.ready(i)
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
}

func testAfterOutageOfAPIServerOnlyNewestCountIsWrittenAndNothingScalesInWrongly(t *testing.T) {
	e, o := outage(t)
	s := newSource(t)
	s.value("4")
	e.ApplyDeployment("web", 1)
	e.Apply(onQuery("web", s.URL))
	i := e.run()
	e.AwaitReplicas("web", 4)
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 7)

	since := e.version("web")
	o.Stop(apiServer)
	e.awaitNotReady(i)
	s.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	o.Start(apiServer)
	e.ready(i)
	e.condition("web", "Ready", "False", "TriggerFailed")
	e.expectWrites("web", since, 0) // The alert is remembered, and the unknown lowers nothing.
	s.value("8")
	e.AwaitReplicas("web", 8)
	e.expectWrites("web", since, 1)

	o.Stop(apiServer)
	e.awaitNotReady(i)
	s.value("10")
	s.value("3")
	o.Start(apiServer)
	e.AwaitReplicas("web", 7) // What the alert asks for.
	e.expectWrites("web", since, 2)
	e.webhook(i, "web", "resolved")
	e.AwaitReplicas("web", 3)
	e.condition("web", "Ready", "True", "Ready")
}

func testRestartOfEtcdAndPausedAPIServerScaleNothingInWrongly(t *testing.T) {
	e, o := outage(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run()
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	since := e.version("web")

	o.Stop("etcd")
	e.awaitNotReady(i)
	if code := post(t.Context(), i.url+"/v1/alertmanager/"+e.Namespace, testkit.AlertmanagerWebhook("web", "resolved")); code != http.StatusServiceUnavailable {
		t.Errorf("the response to an alert that cannot be recorded is %d, want 503", code)
	}
	o.Start("etcd")
	e.ready(i)
	e.webhook(i, "web", "firing") // It was never accepted that this has resolved.

	o.Pause(apiServer)
	e.awaitNotReady(i)
	o.Resume(apiServer)
	e.ready(i)
	e.expectWrites("web", since, 0)
	e.webhook(i, "web", "resolved")
	e.AwaitReplicas("web", 1)
	e.expectWrites("web", since, 1)
}
