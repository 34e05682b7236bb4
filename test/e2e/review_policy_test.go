package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// admissionRights are what the webhook needs beside the permissions of the chart for one namespace: the Secret of its certificate, and the
// ValidatingWebhookConfiguration, which belongs to no namespace.
const admissionRights = `
apiVersion: v1
kind: Secret
metadata: {name: impulse-admission, namespace: %[2]s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: admission, namespace: %[2]s}
rules:
- {apiGroups: [""], resources: [secrets], resourceNames: [impulse-admission], verbs: [get, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: admission, namespace: %[2]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: admission}
subjects: [{kind: ServiceAccount, name: %[3]s, namespace: %[2]s}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %[1]s}
rules:
- {apiGroups: [admissionregistration.k8s.io], resources: [validatingwebhookconfigurations], resourceNames: [%[1]s], verbs: [get, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}
subjects: [{kind: ServiceAccount, name: %[3]s, namespace: %[2]s}]
`

// startReviewsOfNamespace is startReviews with failurePolicy Fail, and with the permissions of the chart for one namespace. The
// first replica leads, because it is started first.
func startReviewsOfNamespace(t *testing.T) *reviews {
	t.Helper()
	e := newEnv(t)
	of := newRelease(e, sandbox.Namespace(t, e.Config), "--set", "scope.namespace="+e.Namespace)
	account := of.deployment.Spec.Template.Spec.ServiceAccountName
	e.Apply(fmt.Sprintf(admissionRights, of.name, of.system, account))
	t.Cleanup(func() {
		if out, err := e.Kubectl(context.WithoutCancel(t.Context()), "", "delete", "clusterrole,clusterrolebinding", of.name); err != nil {
			t.Error(err, out)
		}
	})
	r := &reviews{env: e, webhook: of.name}
	args := []string{"--kubeconfig", e.withToken(of.token()), "--lease-namespace", of.system}
	for _, arg := range of.deployment.Spec.Template.Spec.Containers[0].Args {
		if strings.HasPrefix(arg, "--lease-name=") {
			args = append(args, arg)
		}
	}
	r.assign(args...)
	content, err := os.ReadFile(root + "/deploy/manifests/admission.yaml")
	if err != nil {
		t.Fatal(err)
	}
	webhooks, _, _ := strings.Cut(string(content), "\n---\n")
	webhooks = strings.Replace(webhooks, "failurePolicy: Ignore", "failurePolicy: Fail", 1)
	r.createWebhooks(strings.ReplaceAll(webhooks, "system:serviceaccount:impulse-system:impulse", "system:serviceaccount:"+of.system+":"+account))
	for _, replica := range r.replicas {
		r.restart(replica)
	}
	return r
}

func testFailurePolicyFail(t *testing.T) {
	r := startReviewsOfNamespace(t)
	r.ApplyDeployment("web", 1)
	bad := r.object("bad", "bad", "{type: crom}")
	mistake := []string{`spec.triggers[0].type: `, `did you mean "cron"?`}
	r.apply(bad, true, mistake)
	good := withRestore(onAlert("web"))
	r.apply(good, false, []string{"created"})
	r.condition("web", "Ready", "True", "Ready")
	r.env.webhook(r.replicas[1], "web", "firing")
	r.AwaitReplicas("web", 5)
	before := r.bundle(t.Context())

	// Without the replica that the API server asks, a spec can be neither created nor changed, and the error says why.
	r.replicas[0].Kill()
	unreachable := []string{`failed calling webhook "spec.admission.impulse.sh"`, "connection refused"}
	r.apply(r.object("second", "second", "{type: push, metadata: {threshold: 5}}"), true, unreachable)
	r.apply(strings.Replace(good, "maxReplicaCount: 10", "maxReplicaCount: 9", 1), true, unreachable)

	// The other replica leads, and its writes are not reviewed: those of the status, and the removal of the finalizer.
	r.mustKubectl("annotate", "so", "web", "impulse.sh/paused=true")
	r.condition("web", "Paused", "True", "Paused")
	r.mustKubectl("annotate", "so", "web", "impulse.sh/paused-")
	r.condition("web", "Paused", "False", "NotPaused")
	r.mustKubectl("delete", "so", "web", "--wait=false")
	r.awaitGone("web")
	r.AwaitReplicas("web", 1)

	// The replica serves the certificate that the API server trusts, although another one leads now.
	r.restart(r.replicas[0])
	r.apply(bad, true, mistake)
	r.apply(r.object("second", "second", "{type: push, metadata: {threshold: 5}}"), false, []string{"created"})
	if r.bundle(t.Context()) != before {
		t.Error("the change of the leader has changed the CA certificates, want the same")
	}
}
