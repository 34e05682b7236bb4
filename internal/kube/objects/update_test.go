package objects_test

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/impulse-sh/impulse/internal/kube/objects"
)

func TestUpdate(t *testing.T) {
	t.Run("an edit changes what it names", testEditChangesWhatItNames)
	t.Run("a status that is written meanwhile does no harm", testStatusThatIsWrittenMeanwhileDoesNoHarm)
	t.Run("somebody else's change at the same time is not overwritten", testSomebodyElsesChangeAtSameTimeIsNotOverwritten)
}

// edit is a pause, with a dry run.
func edit() objects.Edit {
	return objects.Edit{Annotations: map[string]*string{"impulse.sh/paused": new("true"), "autoscaling.keda.sh/paused": nil}, DryRun: new(true)}
}

func testEditChangesWhatItNames(t *testing.T) {
	e := newEnv(t, "web")
	c := client(t, e.Config)
	before, err := c.Get(t.Context(), e.Namespace, "web")
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := c.Update(t.Context(), before, edit(), true); err != nil || !changed {
		t.Errorf("as a dry run of the server: got %t, %v", changed, err)
	}
	for range 2 { // The second time it changes nothing.
		so, err := c.Get(t.Context(), e.Namespace, "web")
		if err != nil {
			t.Fatal(err)
		}
		if changed, err := c.Update(t.Context(), so, edit(), false); err != nil || changed != (so.ResourceVersion == before.ResourceVersion) {
			t.Errorf("got %t, %v, want a change of the first version only", changed, err)
		}
	}
	so, err := c.Get(t.Context(), e.Namespace, "web")
	if err != nil || so.Annotations["impulse.sh/paused"] != "true" || !so.Spec.DryRun || so.Labels["app"] != "web" {
		t.Errorf("got %+v, %v, want a pause, a dry run and the label", so, err)
	}
	undo := objects.Edit{Annotations: map[string]*string{"impulse.sh/paused": nil}, DryRun: new(false)}
	if changed, err := c.Update(t.Context(), so, undo, false); err != nil || !changed {
		t.Errorf("undone: got %t, %v", changed, err)
	}
	if out, err := e.Kubectl(t.Context(), "", "get", "so", "web", "-o", "jsonpath={.metadata.annotations}{.spec.dryRun}"); err != nil || strings.Contains(out, "paused") || strings.HasSuffix(out, "false") {
		t.Errorf("undone: got %s, %v, want neither", out, err)
	}
}

func testStatusThatIsWrittenMeanwhileDoesNoHarm(t *testing.T) {
	e := newEnv(t, "web")
	c := client(t, e.Config)
	before, err := c.Get(t.Context(), e.Namespace, "web")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := e.Kubectl(t.Context(), "", "patch", "so", "web", "--subresource=status", "--type=merge", "-p", `{"status": {"reason": "AsRecommended"}}`); err != nil {
		t.Fatal(err, out)
	}
	if changed, err := c.Update(t.Context(), before, edit(), false); err != nil || !changed {
		t.Errorf("got %t, %v, want a change", changed, err)
	}
}

func testSomebodyElsesChangeAtSameTimeIsNotOverwritten(t *testing.T) {
	e := newEnv(t, "web")
	c := client(t, e.Config)
	before, err := c.Get(t.Context(), e.Namespace, "web")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := e.Kubectl(t.Context(), "", "annotate", "so", "web", "impulse.sh/paused-replicas=7"); err != nil {
		t.Fatal(err, out)
	}
	if changed, err := c.Update(t.Context(), before, edit(), false); !errors.Is(err, objects.ErrChanged) || changed {
		t.Errorf("got %t, %v, want ErrChanged", changed, err)
	}
	if so, err := c.Get(t.Context(), e.Namespace, "web"); err != nil || so.Annotations["impulse.sh/paused-replicas"] != "7" || so.Annotations["impulse.sh/paused"] != "" {
		t.Errorf("got %v, %v, want the other change only", so, err)
	}
	if out, err := e.Kubectl(t.Context(), "", "delete", "so", "web"); err != nil {
		t.Fatal(err, out)
	}
	if changed, err := c.Update(t.Context(), before, edit(), false); err == nil || apierrors.IsNotFound(err) || !strings.HasPrefix(err.Error(), `there is no ScaledObject "web"`) || changed {
		t.Errorf("a deleted object: got %t, %v", changed, err)
	}
}
