package e2e

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestKEDAPermissions(t *testing.T) {
	t.Parallel()
	t.Run("the optional manifest grants what watching KEDA's objects needs, and no more", testOptionalManifestGrantsWhatWatchingKEDANeeds)
}

// onPods asks for a replica for each pod of the Deployment load. Alerts would be stored in impulse-system, where another test's Impulse is.
const onPods = `
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, annotations: {example.com/a: b}, finalizers: [finalizer.keda.sh]}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 10
  advanced: {restoreToOriginalReplicaCount: true}
  triggers: [{type: kubernetes-workload, metadata: {podSelector: app=load, value: '1'}}]
`

func testOptionalManifestGrantsWhatWatchingKEDANeeds(t *testing.T) {
	e := newKEDAEnv(t)
	for _, args := range [][]string{{"-k", "../../deploy/manifests"}, {"-f", "../../deploy/manifests/keda.yaml"}} {
		args = append([]string{"-n", "impulse-system", "apply", "--server-side", "--force-conflicts"}, args...)
		if out, err := e.Kubectl(t.Context(), "", args...); err != nil {
			t.Fatal(err, out)
		}
	}
	config := e.serviceAccount()
	for question, want := range map[string]string{
		"update scaledobjects.keda.sh": "no", "delete scaledobjects.keda.sh": "no", "list leases.coordination.k8s.io": "no",
		"patch scaledobjects.keda.sh --subresource=status": "yes", "update horizontalpodautoscalers.autoscaling": "no", "list secrets": "no",
	} {
		args := append([]string{"--kubeconfig", config, "-n", e.Namespace, "auth", "can-i"}, strings.Fields(question)...)
		out, _ := process.Run(t.Context(), sandbox.Binary(t, "kubectl"), args...)
		if !strings.Contains(out, want) {
			t.Errorf("can it %s: got %s, want %s", question, out, want)
		}
	}
	e.ApplyDeployment("web", 1)
	e.Apply(onPods)
	e.Apply(hpaFor("mine", "web", ""))
	address := testkit.FreeAddress(t)
	i := &impulse{url: "http://" + address, args: []string{
		"run", "--watch-keda", "--kubeconfig", config, "--namespace", e.Namespace, "--lease-namespace", "impulse-system", "--lease-name", e.Namespace, "--listen", address,
	}}
	e.restart(i)
	e.kedaCondition("web", "Ready", "False", "mine")
	if out, err := e.Kubectl(t.Context(), `[
{"op":"add","path":"/metadata/annotations/scaledobject.keda.sh~1transfer-hpa-ownership","value":"true"},
{"op":"add","path":"/spec/advanced/horizontalPodAutoscalerConfig","value":{"name":"mine"}}]`, "patch", "scaledobjects.keda.sh", "web", "--type=json", "--patch-file=/dev/stdin"); err != nil {
		t.Fatal(err, out)
	}
	e.kedaCondition("web", "Ready", "True", "")
	e.ApplyDeployment("load", 5)
	e.AwaitReplicas("web", 5)
	if out, err := e.Kubectl(t.Context(), "", "delete", "scaledobjects.keda.sh", "web", "--timeout="+timeout.String()); err != nil {
		t.Fatal(err, out)
	}
	e.AwaitReplicas("web", 1)
}
