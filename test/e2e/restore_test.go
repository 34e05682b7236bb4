package e2e

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// restored is a ScaledObject whose target gets its original count back.
func restored(text string) string {
	return strings.Replace(text, "  triggers:", "  advanced: {restoreToOriginalReplicaCount: true}\n  triggers:", 1)
}

// gone waits until there is no ScaledObject of a name.
func (w *world) gone(name string) {
	w.t.Helper()
	w.until(name+" is gone", func(ctx context.Context) (bool, error) {
		_, err := w.dynamic.Resource(scaledObjects).Namespace(w.ns).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	}, func() string { return w.describe(w.t.Context(), name) })
}

// delete deletes a ScaledObject and does not wait.
func (w *world) delete(name string) {
	w.t.Helper()
	if err := w.dynamic.Resource(scaledObjects).Namespace(w.ns).Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

func TestADeletedObjectGivesItsTargetTheOriginalCountBackOnlyWhenItSaysSo(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"web", "left", "lost"} {
		w.deployment(name, 3)
	}
	w.apply(restored(onAlert("web")))
	w.apply(restored(onAlert("lost")))
	w.apply(onAlert("left"))
	i := w.run()
	for _, name := range []string{"web", "left", "lost"} {
		w.replicas(name, 1)
		w.webhook(i, name, "firing")
		w.replicas(name, 5)
	}
	w.delete("left")
	w.gone("left")
	w.delete("web")
	w.gone("web")
	w.replicas("web", 3)
	w.replicas("left", 5)
	if out, err := w.kubectl(t.Context(), "", "delete", "deployment", "lost"); err != nil {
		t.Fatal(err, out)
	}
	w.delete("lost")
	w.gone("lost") // A target that is gone keeps nobody.
}

func TestADeletedObjectIsRestoredByTheNextLeader(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 3)
	w.apply(restored(onAlert("web")))
	i := w.run()
	w.webhook(i, "web", "firing")
	w.replicas("web", 5)
	i.Kill()
	w.delete("web")
	if n := w.count(t.Context(), "web"); n != 5 {
		t.Errorf("nobody runs, and there are %d replicas", n)
	}
	w.restart(i)
	w.gone("web")
	w.replicas("web", 3)
}

func TestTheOptionSwitchedOffLetsAnObjectGoAtOnce(t *testing.T) {
	w := newWorld(t)
	w.deployment("web", 3)
	w.apply(restored(onAlert("web")))
	i := w.run()
	w.webhook(i, "web", "firing")
	w.replicas("web", 5)
	w.finalizers("web", 1)
	w.apply(onAlert("web"))
	w.finalizers("web", 0)
	w.delete("web")
	w.gone("web")
	w.replicas("web", 5)
}

// finalizers waits until a ScaledObject has n of them.
func (w *world) finalizers(name string, n int) {
	w.t.Helper()
	w.until("it has its finalizers", func(ctx context.Context) (bool, error) {
		so, err := w.dynamic.Resource(scaledObjects).Namespace(w.ns).Get(ctx, name, metav1.GetOptions{})
		return err == nil && len(so.GetFinalizers()) == n, err
	}, func() string { return w.describe(w.t.Context(), name) })
}
