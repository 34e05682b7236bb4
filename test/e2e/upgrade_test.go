package e2e

import (
	"context"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestUpgrade(t *testing.T) {
	t.Parallel()
	t.Run("objects and alerts survive an upgrade and a rollback of the CRDs", testObjectsAndAlertsSurviveUpgradeAndRollbackOfCRDs)
}

const (
	// firstCRDs are the definitions of ScaledObjects and AlertSets as they were first committed: without dryRun, shadow, history,
	// originalReplicaCount and half of the fields of an alert.
	firstCRDs   = "testdata/first-crds"
	currentCRDs = "../../deploy/crds"
)

// object is a ScaledObject as the API server serves it.
func (e *env) object(name string) *unstructured.Unstructured {
	e.t.Helper()
	so, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Get(e.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	return so
}

// define applies a folder of CRDs and waits until the API server serves them: until a ScaledObject may have spec.dryRun, or may
// not.
func (e *env) define(folder string, how ...string) {
	e.t.Helper()
	e.mustKubectl(append(append([]string{"apply"}, how...), "-f", folder)...)
	e.mustKubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", folder)
	dry := &unstructured.Unstructured{Object: parse(e.t, []byte(dryRun(onAlert("probe"))))}
	e.until("the CRDs of "+folder+" are served", func(ctx context.Context) (bool, error) {
		_, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Create(ctx, dry.DeepCopy(), metav1.CreateOptions{
			DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
		})
		return (err == nil) == (folder == currentCRDs) && (err == nil || strings.Contains(err.Error(), `unknown field "spec.dryRun"`)), nil
	}, func() string { return e.mustKubectl("get", "crd", "-o", "yaml") })
}

// dryRun returns a ScaledObject with dryRun, a field that the first CRD did not have.
func dryRun(text string) string {
	return strings.Replace(text, "  triggers:", "  dryRun: true\n  triggers:", 1)
}

// CRDs are applied on either side, and may change sides with an upgrade.
func testObjectsAndAlertsSurviveUpgradeAndRollbackOfCRDs(t *testing.T) {
	t.Parallel()
	acquireSlot(t)
	e := envOf(t, sandbox.NewControlPlane(t).NewEnv())
	client, server := []string{}, []string{"--server-side"}
	for _, how := range []struct{ first, then []string }{{client, client}, {server, server}, {client, server}} {
		t.Logf("first applied with %v, then with %v", how.first, how.then)
		e.upgrade(how.first, how.then)
		e.openStorages()
		e.mustKubectl("delete", "-f", currentCRDs)
	}
}

// upgrade goes from the first CRDs to the current ones and back, while an alert fires.
func (e *env) upgrade(first, then []string) {
	e.t.Helper()
	e.define(firstCRDs, first...)
	e.ApplyDeployment("web", 1)
	e.ApplyDeployment("dry", 1)
	e.Apply(onAlert("web"))
	before := e.object("web")
	i := e.run()
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	stop := e.ExpectReplicas("web", 5)

	e.define(currentCRDs, then...)
	e.expectUnchanged(before)
	i.Kill()
	e.restart(i) // With the alerts that it stored before.
	e.condition("web", "Ready", "True", "Ready")
	e.Apply(dryRun(onAlert("dry")))
	e.condition("dry", "AbleToScale", "False", "DryRun")
	e.webhook(i, "dry", "firing")

	e.define(firstCRDs, then...)
	e.expectUnchanged(before)
	e.expectNoDryRun("dry")
	i.Kill()
	e.restart(i)
	e.condition("web", "Ready", "True", "Ready")
	e.AwaitReplicas("dry", 5) // Without the field it is no dry run.
	e.condition("dry", "AbleToScale", "True", "ReadyToScale")
	stop()
	e.webhook(i, "web", "resolved")
	e.AwaitReplicas("web", 1)
	i.Kill()

	e.define(currentCRDs, then...)
	e.expectNoDryRun("dry") // The write of its status has dropped the field for good.
}

// expectNoDryRun fails the test when a ScaledObject has spec.dryRun.
func (e *env) expectNoDryRun(name string) {
	e.t.Helper()
	if _, there, err := unstructured.NestedBool(e.object(name).Object, "spec", "dryRun"); there || err != nil {
		e.t.Errorf("%s has spec.dryRun: %t, %v", name, there, err)
	}
}

// expectUnchanged fails the test when a ScaledObject has changed.
func (e *env) expectUnchanged(before *unstructured.Unstructured) {
	e.t.Helper()
	now := e.object(before.GetName())
	if now.GetUID() != before.GetUID() || now.GetGeneration() != before.GetGeneration() || !reflect.DeepEqual(now.Object["spec"], before.Object["spec"]) {
		e.t.Errorf("the object was\n%v\nand is\n%v", before.Object, now.Object)
	}
}
