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

const (
	// firstCRDs are the definitions of ScaledObjects and AlertSets as they were first committed: without dryRun, shadow, history,
	// originalReplicaCount and half of what is stored of an alert.
	firstCRDs   = "testdata/first-crds"
	currentCRDs = "../../deploy/crds"
)

// object is a ScaledObject as the API server serves it.
func (w *world) object(name string) *unstructured.Unstructured {
	w.t.Helper()
	so, err := w.dynamic.Resource(scaledObjects).Namespace(w.ns).Get(w.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return so
}

// define applies a folder of CRDs and waits until the API server serves them: until a ScaledObject may have spec.dryRun, or may
// not.
func (w *world) define(folder string, how ...string) {
	w.t.Helper()
	w.must(append(append([]string{"apply"}, how...), "-f", folder)...)
	w.must("wait", "--for=condition=Established", "--timeout=60s", "-f", folder)
	dry := &unstructured.Unstructured{Object: parse(w.t, []byte(dryRun(onAlert("probe"))))}
	w.until("the CRDs of "+folder+" are served", func(ctx context.Context) (bool, error) {
		_, err := w.dynamic.Resource(scaledObjects).Namespace(w.ns).Create(ctx, dry.DeepCopy(), metav1.CreateOptions{
			DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
		})
		return (err == nil) == (folder == currentCRDs) && (err == nil || strings.Contains(err.Error(), `unknown field "spec.dryRun"`)), nil
	}, func() string { return w.must("get", "crd", "-o", "yaml") })
}

// dryRun is a ScaledObject that is decided and not written: a field that the first CRD did not have.
func dryRun(text string) string {
	return strings.Replace(text, "  triggers:", "  dryRun: true\n  triggers:", 1)
}

// CRDs are applied on either side, and may change sides with an upgrade.
func TestObjectsAndAlertsOutliveAnUpgradeAndARollbackOfTheCRDs(t *testing.T) {
	t.Parallel()
	takePlace(t)
	w := worldOf(t, sandbox.NewControlPlane(t).Kubeconfig)
	client, server := []string{}, []string{"--server-side"}
	for _, how := range []struct{ first, then []string }{{client, client}, {server, server}, {client, server}} {
		t.Logf("first applied with %v, then with %v", how.first, how.then)
		w.upgrade(how.first, how.then)
		w.openStorages()
		w.must("delete", "-f", currentCRDs)
	}
}

// upgrade goes from the first CRDs to the current ones and back, while an alert fires.
func (w *world) upgrade(first, then []string) {
	w.t.Helper()
	w.define(firstCRDs, first...)
	w.deployment("web", 1)
	w.deployment("dry", 1)
	w.apply(onAlert("web"))
	before := w.object("web")
	i := w.run()
	w.webhook(i, "web", "firing")
	w.replicas("web", 5)
	stop := w.never("web", 5)

	w.define(currentCRDs, then...)
	w.same(before)
	i.Kill()
	w.restart(i) // With the alerts that it stored before.
	w.condition("web", "Ready", "True", "Ready")
	w.apply(dryRun(onAlert("dry")))
	w.condition("dry", "AbleToScale", "False", "DryRun")
	w.webhook(i, "dry", "firing")

	w.define(firstCRDs, then...)
	w.same(before)
	w.noDryRun("dry")
	i.Kill()
	w.restart(i)
	w.condition("web", "Ready", "True", "Ready")
	w.replicas("dry", 5) // Without the field it is no dry run.
	stop()
	w.webhook(i, "web", "resolved")
	w.replicas("web", 1)
	i.Kill()

	w.define(currentCRDs, then...)
	w.noDryRun("dry") // The write of its status has dropped the field for good.
}

// noDryRun fails the test when a ScaledObject has spec.dryRun.
func (w *world) noDryRun(name string) {
	w.t.Helper()
	if _, there, err := unstructured.NestedBool(w.object(name).Object, "spec", "dryRun"); there || err != nil {
		w.t.Errorf("%s has spec.dryRun: %t, %v", name, there, err)
	}
}

// same fails the test when a ScaledObject is not what it was.
func (w *world) same(before *unstructured.Unstructured) {
	w.t.Helper()
	now := w.object(before.GetName())
	if now.GetUID() != before.GetUID() || now.GetGeneration() != before.GetGeneration() || !reflect.DeepEqual(now.Object["spec"], before.Object["spec"]) {
		w.t.Errorf("the object was\n%v\nand is\n%v", before.Object, now.Object)
	}
}
