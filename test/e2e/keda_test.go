package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/control/kedawatch"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestWatchKEDA(t *testing.T) {
	t.Parallel()
	t.Run("an object of KEDA scales, with KEDA's columns", testObjectOfKEDAScalesWithKEDAsColumns)
	t.Run("a deleted object of KEDA restores the original count", testDeletedObjectOfKEDARestoresOriginalCount)
	t.Run("a version that cannot be taken changes nothing", testVersionThatCannotBeTakenChangesNothing)
	t.Run("an object of Impulse with the same name stays", testObjectOfImpulseWithSameNameStays)
	t.Run("the HPA that KEDA left is taken over, another one is not", testHPAThatKEDALeftIsTakenOver)
	t.Run("authentications are kept, too", testAuthenticationsAreKeptToo)
	t.Run("nothing is written when nothing changed", testNothingIsWrittenWhenNothingChanged)
}

var kedaObjects = schema.GroupVersionResource{Group: "keda.sh", Version: "v1alpha1", Resource: "scaledobjects"}

var applyKEDAsCRDs sync.Once

// newKEDAEnv is newEnv, with KEDA's CRDs.
func newKEDAEnv(t *testing.T) *env {
	t.Helper()
	return withKEDA(newEnv(t))
}

// withKEDA adds KEDA's CRDs to an env.
func withKEDA(e *env) *env {
	e.t.Helper()
	t := e.t
	applyKEDAsCRDs.Do(func() { sandbox.ApplyCRDs(t, root+"/internal/testkit/sandbox/kedacrds") })
	return e
}

// ofKEDA returns an object of Impulse as one of KEDA.
func ofKEDA(text string) string {
	text = strings.ReplaceAll(text, "impulse.sh/v1alpha1", "keda.sh/v1alpha1")
	return strings.ReplaceAll(text, "replicas: 5}", "replicas: '5'}")
}

// kedaCondition waits until an object of KEDA has a condition, with a message that contains a text.
func (e *env) kedaCondition(name, kind, status, message string) {
	e.t.Helper()
	e.until(fmt.Sprintf("KEDA's %s: %s=%s, %q", name, kind, status, message), func(ctx context.Context) (bool, error) {
		so, err := e.Dynamic.Resource(kedaObjects).Namespace(e.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, err := unstructured.NestedSlice(so.Object, "status", "conditions")
		for _, c := range conditions {
			if m, ok := c.(map[string]any); ok && m["type"] == kind && m["status"] == status {
				text, _ := m["message"].(string)
				return strings.Contains(text, message), nil
			}
		}
		return false, err
	}, func() string { return e.describeKEDA(name) })
}

func (e *env) describeKEDA(name string) string {
	out, _ := e.Kubectl(e.t.Context(), "", "get", "scaledobjects.keda.sh,scaledobjects.impulse.sh,events", name, "-o", "yaml")
	if out == "" {
		out, _ = e.Kubectl(e.t.Context(), "", "get", "scaledobjects.keda.sh,scaledobjects.impulse.sh,events", "-o", "yaml")
	}
	return out
}

func testObjectOfKEDAScalesWithKEDAsColumns(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(ofKEDA(onAlert("web")))
	i := e.run("--watch-keda")
	e.kedaCondition("web", "Ready", "True", "")
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	e.kedaCondition("web", "Active", "True", "")
	out, err := e.Kubectl(t.Context(), "", "get", "scaledobjects.keda.sh", "web", "--no-headers")
	if row := strings.Join(strings.Fields(out), " "); err != nil || !strings.Contains(row, "web apps/v1.Deployment web 1 10 "+strings.Repeat("True ", 2)+strings.Repeat("False ", 2)+"alertmanager") {
		t.Errorf("%v: the row of the object is %s", err, row)
	}
	if out, err := e.Kubectl(t.Context(), "", "annotate", "scaledobjects.keda.sh", "web", "autoscaling.keda.sh/paused-replicas=2"); err != nil {
		t.Fatal(err, out)
	}
	e.AwaitReplicas("web", 2)
	e.kedaCondition("web", "Paused", "True", "")
	if out, err := e.Kubectl(t.Context(), "", "annotate", "scaledobjects.keda.sh", "web", "autoscaling.keda.sh/paused-replicas-"); err != nil {
		t.Fatal(err, out)
	}
	e.AwaitReplicas("web", 5)
	e.kedaCondition("web", "Paused", "False", "")
	// The annotations have changed twice since, and the version has not.
	if n := e.awaitEvent("web", "Converted", "horizontalPodAutoscalerConfig.behavior"); n != 1 {
		t.Errorf("the Event Converted was written %d times for one version, want once", n)
	}
}

// awaitEvent waits for an Event about an object of KEDA, with a message that contains a text, and returns how often it was written.
func (e *env) awaitEvent(name, reason, text string) (times int32) {
	e.t.Helper()
	e.until("an Event "+reason+" about "+name, func(ctx context.Context) (bool, error) {
		events, err := e.Kube.CoreV1().Events(e.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for i := range events.Items {
			about := &events.Items[i]
			if about.InvolvedObject.Name == name && about.Reason == reason && strings.HasPrefix(about.InvolvedObject.APIVersion, "keda.sh/") &&
				strings.Contains(about.Message, text) {
				times += about.Count
			}
		}
		return times > 0, nil
	}, func() string { return e.describeKEDA(name) })
	return times
}

func testDeletedObjectOfKEDARestoresOriginalCount(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("web", 3)
	text := strings.Replace(ofKEDA(withRestore(onAlert("web"))), "{name: web}", "{name: web, finalizers: [finalizer.keda.sh]}", 1)
	e.Apply(text)
	i := e.run("--watch-keda")
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	if err := e.Dynamic.Resource(kedaObjects).Namespace(e.Namespace).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	e.awaitGone("web")
	e.until("KEDA's object is gone", func(ctx context.Context) (bool, error) {
		_, err := e.Dynamic.Resource(kedaObjects).Namespace(e.Namespace).Get(ctx, "web", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	}, func() string { return e.describeKEDA("web") })
	e.AwaitReplicas("web", 3)
}

func testVersionThatCannotBeTakenChangesNothing(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(ofKEDA(onAlert("web")))
	i := e.run("--watch-keda")
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	stop := e.ExpectReplicas("web", 5)
	e.Apply(strings.Replace(ofKEDA(onAlert("web")), "type: alertmanager", "type: no-such-scaler", 1))
	e.kedaCondition("web", "Ready", "False", "spec.triggers[0].type")
	e.kedaCondition("web", "Ready", "False", "the last valid version stays in effect")
	e.kedaCondition("web", "Active", "True", "")
	e.awaitEvent("web", "InvalidSpec", "spec.triggers[0].type")
	stop()
	e.Apply(strings.Replace(ofKEDA(onAlert("web")), "replicas: '5'", "replicas: '6'", 1))
	e.AwaitReplicas("web", 6)
	e.kedaCondition("web", "Ready", "True", "")
	e.Apply(strings.ReplaceAll(strings.Replace(ofKEDA(onAlert("web")), "type: alertmanager", "type: no-such-scaler", 1), "name: web", "name: new"))
	e.kedaCondition("new", "Ready", "False", "spec.triggers[0].type")
	e.awaitGone("new")
}

func testObjectOfImpulseWithSameNameStays(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	e.Apply(strings.Replace(ofKEDA(onAlert("web")), "replicas: '5'", "replicas: '7'", 1))
	i := e.run("--watch-keda")
	e.kedaCondition("web", "Ready", "False", "was not made from this object")
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	so, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || len(so.GetOwnerReferences()) > 0 || so.GetLabels()[kedawatch.Label] != "" {
		t.Errorf("got %v with error %v, want the object as it was", so, err)
	}
	e.delete("web")
	e.AwaitReplicas("web", 7)
	e.kedaCondition("web", "Ready", "True", "")
}

// hpaFor is an HPA that scales the Deployment web, with an owner or without.
func hpaFor(name, target, owner string) string {
	return fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: %s%s}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}, minReplicas: 1, maxReplicas: 5, metrics: [{type: External, external: {metric: {name: none}, target: {type: AverageValue, averageValue: 1}}}]}
`, name, owner, target)
}

func testHPAThatKEDALeftIsTakenOver(t *testing.T) {
	e := newKEDAEnv(t)
	for _, name := range []string{"web", "other", "handed"} {
		e.ApplyDeployment(name, 1)
		text := ofKEDA(onAlert(name))
		if name == "handed" {
			text = strings.Replace(text, "{name: handed}", "{name: handed, annotations: {scaledobject.keda.sh/transfer-hpa-ownership: 'true'}}", 1)
			text = strings.Replace(text, "  triggers:", "  advanced: {horizontalPodAutoscalerConfig: {name: mine}}\n  triggers:", 1)
		}
		e.Apply(text)
	}
	so, err := e.Dynamic.Resource(kedaObjects).Namespace(e.Namespace).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.Apply(hpaFor("keda-hpa-web", "web", fmt.Sprintf(", ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, uid: %s, controller: true}]", so.GetUID())))
	e.Apply(hpaFor("keda-hpa-other", "other", ""))
	e.Apply(hpaFor("mine", "handed", ""))
	i := e.run("--watch-keda")
	for _, name := range []string{"web", "handed"} {
		e.webhook(i, name, "firing")
		e.AwaitReplicas(name, 5)
		e.awaitEvent(name, "TookOver", "")
	}
	e.kedaCondition("other", "Ready", "False", "keda-hpa-other")
	if _, err := e.Kube.AutoscalingV2().HorizontalPodAutoscalers(e.Namespace).Get(t.Context(), "keda-hpa-other", metav1.GetOptions{}); err != nil {
		t.Errorf("got %v, want the HPA that belongs to nobody", err)
	}
}

func testAuthenticationsAreKeptToo(t *testing.T) {
	e := newKEDAEnv(t)
	e.Apply(`
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: orders}
spec: {secretTargetRef: [{parameter: token, name: orders, key: token}]}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: vault}
spec: {azureKeyVault: {vaultUri: 'https://vault.example'}}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: key-vault}
spec: {azureKeyVault: {vaultUri: 'https://keda.vault.azure.net', podIdentity: {provider: azure-workload}, secrets: [{parameter: token, name: orders}]}}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: identity}
spec: {podIdentity: {provider: aws, roleArn: 'arn:aws:iam::1:role/orders', identityOwner: keda}}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: old-identity}
spec: {podIdentity: {provider: aws-kiam}}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: hashicorp}
spec:
  hashiCorpVault:
    {address: 'https://vault:8200', authentication: token, credential: {token: t}, secrets: [{parameter: token, path: secret/data/a, key: k, type: secretV2}]}
`)
	e.run("--watch-keda")
	kept := e.Dynamic.Resource(scaledObjects.GroupVersion().WithResource("triggerauthentications")).Namespace(e.Namespace)
	e.until("the authentication is kept", func(ctx context.Context) (bool, error) {
		one, err := kept.Get(ctx, "orders", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		refs, _, _ := unstructured.NestedSlice(one.Object, "spec", "secretTargetRef")
		return len(refs) == 1 && metav1.GetControllerOf(one) != nil, err
	}, func() string { return e.describeKEDA("orders") })
	for name, want := range map[string]string{
		"identity": "arn:aws:iam::1:role/orders", "hashicorp": "secret/data/a", "key-vault": "https://keda.vault.azure.net",
	} {
		e.until(name+" is kept", func(ctx context.Context) (bool, error) {
			one, err := kept.Get(ctx, name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return false, nil
			}
			return err == nil && strings.Contains(fmt.Sprint(one.Object["spec"]), want), err
		}, func() string { return e.describeKEDA(name) })
	}
	e.awaitEvent("old-identity", "InvalidSpec", "spec.podIdentity.provider")
	e.awaitEvent("vault", "InvalidSpec", "spec.azureKeyVault")
	if _, err := kept.Get(t.Context(), "vault", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("got %v, want no authentication that lacks its source", err)
	}
}

func testNothingIsWrittenWhenNothingChanged(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(ofKEDA(onAlert("web")))
	i := e.run("--watch-keda")
	e.kedaCondition("web", "Ready", "True", "")
	versions := func() string {
		var all []string
		for _, of := range []schema.GroupVersionResource{kedaObjects, scaledObjects} {
			so, err := e.Dynamic.Resource(of).Namespace(e.Namespace).Get(t.Context(), "web", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, so.GetResourceVersion())
		}
		return strings.Join(all, " ")
	}
	reconcile := func(other string) { // When the other object is ready, the first has been reconciled again.
		e.ApplyDeployment(other, 1)
		e.Apply(ofKEDA(onAlert(other)))
		e.kedaCondition(other, "Ready", "True", "")
	}
	var before string
	for n := 0; before != versions() && n < 5; n++ { // Its first conditions may be written one by one.
		before = versions()
		reconcile(fmt.Sprintf("early-%d", n))
	}
	i.Stop()
	e.restart(i)
	reconcile("late")
	if after := versions(); after != before {
		t.Errorf("got the versions %s after a restart, want %s", after, before)
	}
}
