package e2e

import (
	"fmt"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestKEDAPermissions(t *testing.T) {
	t.Parallel()
	t.Run("the chart grants what watching KEDA's objects needs, and no more", testChartGrantsWhatWatchingKEDANeeds)
}

// everyKEDAObject has the finalizer of KEDA's operator on each object, and the Lease of an operator that has stopped without releasing it.
const everyKEDAObject = `
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: operator.keda.sh}
spec: {holderIdentity: keda-operator, leaseDurationSeconds: 1}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: login, finalizers: [finalizer.keda.sh]}
spec: {secretTargetRef: [{parameter: password, name: login, key: password}]}
---
apiVersion: keda.sh/v1alpha1
kind: ClusterTriggerAuthentication
metadata: {name: %[1]s, finalizers: [finalizer.keda.sh]}
spec: {secretTargetRef: [{parameter: password, name: login, key: password}]}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, annotations: {example.com/a: b}, finalizers: [finalizer.keda.sh]}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 10
  advanced: {restoreToOriginalReplicaCount: true}
  triggers: [{type: alertmanager, metadata: {matchers: '{alertname="web"}', replicas: '5'}}]
`

// The control plane is its own, because the Lease of KEDA's operator in any namespace stops all that watch KEDA's objects.
func testChartGrantsWhatWatchingKEDANeeds(t *testing.T) {
	t.Parallel()
	acquireSlot(t)
	plane := sandbox.NewControlPlane(t, "controller-manager")
	plane.ApplyCRDs(root + "/deploy/crds")
	plane.ApplyCRDs(root + "/internal/testkit/sandbox/kedacrds")
	e := envOf(t, plane.NewEnv())
	r := newRelease(e, e.createNamespace(), "--set", "watchKeda=true")
	r.grants = nil // TestPermissions is about the others.
	for _, document := range r.documents["keda.yaml"] {
		r.grants = append(r.grants, grantsOf("", roleIn(t, document).Rules)...)
	}
	e.ApplyDeployment("web", 1)
	e.Apply(fmt.Sprintf(everyKEDAObject, e.Namespace))
	e.Apply(hpaFor("mine", "web", ""))
	r.audit = newAudit(t, e.Config)
	p := r.podOf(&r.deployment, r.audit.kubeconfig(r.token()))
	r.log = func() string { return p.LogTail(logTail) }
	e.kedaCondition("web", "Ready", "False", "mine")
	if out, err := e.Kubectl(t.Context(), `[
{"op":"add","path":"/metadata/annotations/scaledobject.keda.sh~1transfer-hpa-ownership","value":"true"},
{"op":"add","path":"/spec/advanced/horizontalPodAutoscalerConfig","value":{"name":"mine"}}]`, "patch", "scaledobjects.keda.sh", "web", "--type=json", "--patch-file=/dev/stdin"); err != nil {
		t.Fatal(err, out)
	}
	e.kedaCondition("web", "Ready", "True", "")
	p.alert("web")
	e.AwaitReplicas("web", 5)
	for _, object := range []string{"scaledobjects.keda.sh/web", "triggerauthentications.keda.sh/login", "clustertriggerauthentications.keda.sh/" + e.Namespace} {
		e.mustKubectl("delete", object, "--timeout="+timeout.String())
	}
	e.AwaitReplicas("web", 1)
	r.expect(nil, nil)
}
