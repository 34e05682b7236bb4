package e2e

import (
	"context"
	"net/http"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

const apiServer = "kube-apiserver"

// outage is a world on a control plane of its own, whose API server can be taken away.
func outage(t *testing.T) (*world, *sandbox.ControlPlane) {
	t.Helper()
	t.Parallel()
	takePlace(t)
	o := sandbox.NewControlPlane(t)
	o.ApplyCRDs("../../deploy/crds")
	return worldOf(t, o.Kubeconfig), o
}

// notReady waits until an impulse says that it lives, but is not ready.
func (w *world) notReady(i *impulse) {
	w.t.Helper()
	w.until("impulse is alive and not ready", func(ctx context.Context) (bool, error) {
		return get(ctx, i.url+"/healthz") == http.StatusOK && get(ctx, i.url+"/readyz") == http.StatusServiceUnavailable, i.Err()
	}, func() string { return logOf(i.Process) })
}

// version counts the changes of a Deployment's spec, which are its writes of replicas here.
func (w *world) version(name string) int64 {
	w.t.Helper()
	d, err := w.kube.AppsV1().Deployments(w.ns).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Generation
}

// wrote fails when there have been more or fewer writes than n since a version.
func (w *world) wrote(name string, since, n int64) {
	w.t.Helper()
	if got := w.version(name) - since; got != n {
		w.t.Errorf("%d writes, want %d", got, n)
	}
}

func TestStartedWhileTheAPIServerIsAwayItBecomesReadyByItself(t *testing.T) {
	w, o := outage(t)
	w.deployment("web", 1)
	w.apply(onAlert("web"))
	o.Stop(apiServer)
	i := w.impulse()
	i.Process = w.spawn("impulse", suite.impulse, i.args...)
	w.notReady(i)
	if code := post(t.Context(), i.url+"/v1/alertmanager/"+w.ns, webhookBody("web", "firing")); code != http.StatusServiceUnavailable {
		t.Errorf("an alert that cannot be recorded was answered with %d", code)
	}
	o.Start(apiServer)
	w.ready(i)
	w.webhook(i, "web", "firing")
	w.replicas("web", 5)
}

func TestWhenTheAPIServerReturnsOnlyTheNewestIsWrittenAndNothingScalesInWrongly(t *testing.T) {
	w, o := outage(t)
	s := newSource(t)
	s.value("4")
	w.deployment("web", 1)
	w.apply(onQuery("web", s.URL))
	i := w.run()
	w.replicas("web", 4)
	w.webhook(i, "web", "firing")
	w.replicas("web", 7)

	since := w.version("web")
	o.Stop(apiServer)
	w.notReady(i)
	s.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	o.Start(apiServer)
	w.ready(i)
	w.condition("web", "Ready", "False", "TriggerFailed")
	w.wrote("web", since, 0) // The alert is remembered, and the unknown lowers nothing.
	s.value("8")
	w.replicas("web", 8)
	w.wrote("web", since, 1)

	o.Stop(apiServer)
	w.notReady(i)
	s.value("10")
	s.value("3")
	o.Start(apiServer)
	w.replicas("web", 7) // What the alert asks for.
	w.wrote("web", since, 2)
	w.webhook(i, "web", "resolved")
	w.replicas("web", 3)
	w.condition("web", "Ready", "True", "Ready")
}

func TestARestartOfEtcdAndAFrozenAPIServerScaleNothingInWrongly(t *testing.T) {
	w, o := outage(t)
	w.deployment("web", 1)
	w.apply(onAlert("web"))
	i := w.run()
	w.webhook(i, "web", "firing")
	w.replicas("web", 5)
	since := w.version("web")

	o.Stop("etcd")
	w.notReady(i)
	if code := post(t.Context(), i.url+"/v1/alertmanager/"+w.ns, webhookBody("web", "resolved")); code != http.StatusServiceUnavailable {
		t.Errorf("an alert that cannot be recorded was answered with %d", code)
	}
	o.Start("etcd")
	w.ready(i)
	w.webhook(i, "web", "firing") // It was never accepted that this has resolved.

	o.Pause(apiServer)
	w.notReady(i)
	o.Resume(apiServer)
	w.ready(i)
	w.wrote("web", since, 0)
	w.webhook(i, "web", "resolved")
	w.replicas("web", 1)
	w.wrote("web", since, 1)
}
