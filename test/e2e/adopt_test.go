package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestAdopt(t *testing.T) {
	t.Parallel()
	t.Run("an HPA is replaced, and the count stays", testHPAIsReplacedAndCountStays)
	t.Run("an HPA whose metric is unknown stays", testHPAWhoseMetricIsUnknownStays)
	t.Run("an object of KEDA is replaced, and the count stays", testObjectOfKEDAIsReplacedAndCountStays)
	t.Run("an object of Impulse with the same name is not touched", testObjectOfImpulseWithSameNameIsNotTouched)
}

func testHPAIsReplacedAndCountStays(t *testing.T) {
	e := newEnv(t)
	e.createPod("web")
	e.Apply(hpaOnCPU("web"))
	e.setUsage("web", "190m")
	e.awaitMeasured("web", 4)
	out, err := e.tool(t.Context(), "adopt", "hpa", "web")
	if err != nil || !strings.Contains(out, "kind: ScaledObject") || !strings.Contains(out, "nothing was changed") {
		t.Fatalf("adopt without --apply: %v\n%s", err, out)
	}
	if _, err := e.Dynamic.Resource(scaledObjects).Namespace(e.Namespace).Get(t.Context(), "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("adopt without --apply: got %v, want no ScaledObject", err)
	}
	e.run()
	stop := e.ExpectReplicas("web", 4)
	if out, err := e.tool(t.Context(), "adopt", "hpa", "web", "--apply"); err != nil || !strings.Contains(out, "Impulse scales Deployment web now") {
		t.Fatalf("adopt --apply: %v\n%s", err, out)
	}
	stop()
	e.expectNoHPA("web")
	e.setUsage("web", "285m")
	e.awaitMeasured("web", 6)
}

// expectNoHPA fails the test if there is an HPA with a name.
func (e *env) expectNoHPA(name string) {
	e.t.Helper()
	if _, err := e.Kube.AutoscalingV2().HorizontalPodAutoscalers(e.Namespace).Get(e.t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		e.t.Errorf("got %v, want no HPA %s", err, name)
	}
}

func testHPAWhoseMetricIsUnknownStays(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 2)
	e.Apply(strings.Replace(hpaOnCPU("web"), "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}",
		"{type: External, external: {metric: {name: nobody-serves-this}, target: {type: AverageValue, averageValue: 1}}}", 1))
	e.run()
	var out string
	e.until("adopt --apply fails, and names the metric", func(ctx context.Context) (bool, error) {
		var err error
		if out, err = e.tool(ctx, "adopt", "hpa", "web", "--apply", "--timeout", "5s"); err == nil {
			return false, errors.New("got no error")
		}
		return strings.Contains(out, "nobody-serves-this") && strings.Contains(out, "still scales, and nothing was deleted: Impulse's ScaledObject web stays"), nil
	}, func() string { return out })
	again, err := e.tool(t.Context(), "adopt", "hpa", "web", "--apply", "--timeout", "3s")
	if err == nil || !strings.HasPrefix(again, "found Impulse's ScaledObject web\n") || strings.Contains(again, "rate limiter") || strings.Count(again, "nobody-serves-this") < 2 {
		t.Errorf("again: got %v and the output below, want the object found and the metric named\n%s", err, again)
	}
	if _, err := e.Kube.AutoscalingV2().HorizontalPodAutoscalers(e.Namespace).Get(t.Context(), "web", metav1.GetOptions{}); err != nil {
		t.Errorf("got %v, want the HPA", err)
	}
	e.AwaitReplicas("web", 2)
}

func testObjectOfKEDAIsReplacedAndCountStays(t *testing.T) {
	e := newKEDAEnv(t)
	e.ApplyDeployment("web", 3)
	text := strings.Replace(ofKEDA(onAlert("web")), "  triggers:", "  minReplicaCount: 3\n  advanced: {restoreToOriginalReplicaCount: true}\n  triggers:", 1)
	e.Apply(strings.Replace(text, "  minReplicaCount: 1\n", "", 1))
	objects := e.Dynamic.Resource(kedaObjects).Namespace(e.Namespace)
	so, err := objects.Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.run()
	if out, err := e.tool(t.Context(), "adopt", "keda", "web", "--apply"); err == nil || !strings.Contains(out, "KEDA has made no HorizontalPodAutoscaler") {
		t.Errorf("adopt without KEDA's HPA: got %v, want an error\n%s", err, out)
	}
	// KEDA's operator is not here: the HPA that it would make has this owner, so the garbage collector deletes it as the operator does.
	e.Apply(hpaFor("keda-hpa-web", "web", fmt.Sprintf(", ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, uid: %s, controller: true}]", so.GetUID())))
	if err := unstructured.SetNestedField(so.Object, "keda-hpa-web", "status", "hpaName"); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.UpdateStatus(t.Context(), so, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	stop := e.ExpectReplicas("web", 3)
	if out, err := e.tool(t.Context(), "adopt", "keda", "web", "--apply"); err != nil {
		t.Fatalf("adopt --apply: %v\n%s", err, out)
	}
	stop()
	if _, err := objects.Get(t.Context(), "web", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("got %v, want KEDA's object deleted", err)
	}
	e.expectNoHPA("keda-hpa-web")
	e.condition("web", "AbleToScale", "True", "ReadyToScale")
}

func testObjectOfImpulseWithSameNameIsNotTouched(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	e.Apply(hpaOnCPU("web"))
	out, err := e.tool(t.Context(), "adopt", "hpa", "web", "--apply")
	if err == nil || !strings.Contains(out, "was not created by impulse adopt") {
		t.Errorf("adopt --apply: got %v and the output below, want an error\n%s", err, out)
	}
	if _, err := e.Kube.AutoscalingV2().HorizontalPodAutoscalers(e.Namespace).Get(t.Context(), "web", metav1.GetOptions{}); err != nil {
		t.Errorf("got %v, want the HPA", err)
	}
}
