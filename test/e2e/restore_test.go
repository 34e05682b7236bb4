package e2e

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRestore(t *testing.T) {
	t.Parallel()
	t.Run("a deleted object restores the original count only when its option is set", testDeletedObjectRestoresOriginalCountOnlyWhenItsOptionIsSet)
	t.Run("a deleted object is restored by the next leader", testDeletedObjectIsRestoredByNextLeader)
	t.Run("an object with the option switched off is deleted at once", testObjectWithOptionSwitchedOffIsDeletedAtOnce)
}

// withRestore returns a ScaledObject with restoreToOriginalReplicaCount.
func withRestore(text string) string {
	return strings.Replace(text, "  triggers:", "  advanced: {restoreToOriginalReplicaCount: true}\n  triggers:", 1)
}

// awaitGone waits until there is no ScaledObject of a name.
func (e *env) awaitGone(name string) {
	e.t.Helper()
	e.until(name+" is gone", func(ctx context.Context) (bool, error) {
		_, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	}, func() string { return e.Describe(e.t.Context(), name) })
}

// delete deletes a ScaledObject and does not wait.
func (e *env) delete(name string) {
	e.t.Helper()
	if err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Delete(e.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		e.t.Fatal(err)
	}
}

func testDeletedObjectRestoresOriginalCountOnlyWhenItsOptionIsSet(t *testing.T) {
	e := newEnv(t)
	for _, name := range []string{"web", "left", "lost"} {
		e.ApplyDeployment(name, 3)
	}
	e.Apply(withRestore(onAlert("web")))
	e.Apply(withRestore(onAlert("lost")))
	e.Apply(onAlert("left"))
	i := e.run()
	for _, name := range []string{"web", "left", "lost"} {
		e.AwaitReplicas(name, 1)
		e.webhook(i, name, "firing")
		e.AwaitReplicas(name, 5)
	}
	e.delete("left")
	e.awaitGone("left")
	e.delete("web")
	e.awaitGone("web")
	e.AwaitReplicas("web", 3)
	e.AwaitReplicas("left", 5)
	if out, err := e.Kubectl(t.Context(), "", "delete", "deployment", "lost"); err != nil {
		t.Fatal(err, out)
	}
	e.delete("lost")
	e.awaitGone("lost") // A missing target does not block the deletion.
}

func testDeletedObjectIsRestoredByNextLeader(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 3)
	e.Apply(withRestore(onAlert("web")))
	i := e.run()
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	i.Kill()
	e.delete("web")
	if n := e.count(t.Context(), "web"); n != 5 {
		t.Errorf("without a running process there are %d replicas", n)
	}
	e.restart(i)
	e.awaitGone("web")
	e.AwaitReplicas("web", 3)
}

func testObjectWithOptionSwitchedOffIsDeletedAtOnce(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 3)
	e.Apply(withRestore(onAlert("web")))
	i := e.run()
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	e.awaitFinalizers("web", 1)
	e.Apply(onAlert("web"))
	e.awaitFinalizers("web", 0)
	e.delete("web")
	e.awaitGone("web")
	e.AwaitReplicas("web", 5)
}

// awaitFinalizers waits until a ScaledObject has n finalizers.
func (e *env) awaitFinalizers(name string, n int) {
	e.t.Helper()
	e.until("it has its finalizers", func(ctx context.Context) (bool, error) {
		so, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && len(so.GetFinalizers()) == n, err
	}, func() string { return e.Describe(e.t.Context(), name) })
}
