package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestReview(t *testing.T) {
	t.Parallel()
	t.Run("the API server asks the webhook, with the permissions of the manifests and a certificate that Impulse makes", testAPIServerAsksWebhook)
	t.Run("in one namespace and with failurePolicy Fail, changes of a spec wait for a replica, and nothing else does", testFailurePolicyFail)
}

// reviews is an Impulse of two replicas whose webhooks the API server calls: the first for the spec, the second for annotations.
type reviews struct {
	*env

	// webhook is the name of the ValidatingWebhookConfiguration.
	webhook  string
	replicas [2]*impulse
	urls     [2]string
}

const reviewed = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: %s, namespace: %s}
spec:
  scaleTargetRef: {name: %s}
  minReplicaCount: 1
  triggers:
`

// object returns a ScaledObject in YAML.
func (r *reviews) object(name, target string, triggers ...string) string {
	return fmt.Sprintf(reviewed, name, r.Namespace, target) + "  - " + strings.Join(triggers, "\n  - ") + "\n"
}

func startReviews(t *testing.T) *reviews {
	t.Helper()
	r := &reviews{env: newEnv(t), webhook: "impulse"}
	r.manifests("apply", "--server-side", "--force-conflicts")
	r.assign("--kubeconfig", r.serviceAccount(), "--lease-namespace", "impulse-system", "--lease-name", r.Namespace)
	r.applyWebhooks()
	r.allowLease()
	for _, replica := range r.replicas {
		r.restart(replica)
	}
	return r
}

// assign gives the replicas their arguments and the API server their addresses.
func (r *reviews) assign(args ...string) {
	r.t.Helper()
	for i := range r.replicas {
		address, listen := testkit.FreeAddress(r.t), testkit.FreeAddress(r.t)
		r.urls[i] = "https://" + address + "/v1/admission"
		r.replicas[i] = &impulse{url: "http://" + listen, args: append([]string{
			"run", "--namespace", r.Namespace, "--listen", listen, "--admission-listen", address, "--admission-webhook", r.webhook,
		}, args...)}
	}
}

// leaseRights lets Impulse use a Lease for this test alone, beside that of the manifests.
const leaseRights = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: %[1]s}
rules:
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [%[1]s]
  verbs: [get, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: %[1]s}
subjects:
- {kind: ServiceAccount, name: impulse, namespace: impulse-system}
`

// allowLease grants the Lease of this test to the ServiceAccount of the manifests.
func (r *reviews) allowLease() {
	r.t.Helper()
	if out, err := r.Kubectl(r.t.Context(), fmt.Sprintf(leaseRights, r.Namespace), "-n", "impulse-system", "apply", "-f", "-"); err != nil {
		r.t.Fatal(err, out)
	}
}

// applyWebhooks applies deploy/manifests/admission.yaml.
func (r *reviews) applyWebhooks() {
	r.t.Helper()
	content, err := os.ReadFile(root + "/deploy/manifests/admission.yaml")
	if err != nil {
		r.t.Fatal(err)
	}
	webhooks, rest, _ := strings.Cut(string(content), "\n---\n")
	if out, err := r.Kubectl(r.t.Context(), rest, "-n", "impulse-system", "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		r.t.Fatal(err, out)
	}
	r.createWebhooks(webhooks)
}

// createWebhooks creates a ValidatingWebhookConfiguration, for the namespace of the test, with the URLs of the replicas in place of the Service.
// Objects without a namespace are not reviewed: they may be those of other tests.
func (r *reviews) createWebhooks(text string) {
	r.t.Helper()
	var c admissionregistrationv1.ValidatingWebhookConfiguration
	if err := yaml.UnmarshalStrict([]byte(text), &c); err != nil {
		r.t.Fatal(err)
	}
	c.Name = r.webhook
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		w.ClientConfig.Service, w.ClientConfig.URL = nil, &r.urls[i]
		w.NamespaceSelector.MatchExpressions = append(w.NamespaceSelector.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpIn, Values: []string{r.Namespace},
		})
		for j := range w.Rules {
			w.Rules[j].Scope = new(admissionregistrationv1.NamespacedScope)
		}
	}
	all := r.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if _, err := all.Create(r.t.Context(), &c, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		ctx := context.WithoutCancel(r.t.Context())
		if err := all.Delete(ctx, c.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			r.t.Error(err)
		}
	})
}

// apply runs kubectl apply on a text until its output has all the parts. It returns the output.
func (r *reviews) apply(text string, refused bool, parts []string, args ...string) string {
	r.t.Helper()
	var out string
	r.until(fmt.Sprintf("kubectl apply: refused %t, with %q", refused, parts), func(ctx context.Context) (bool, error) {
		var err error
		out, err = r.Kubectl(ctx, text, append([]string{"apply", "-f", "-"}, args...)...)
		return (err != nil) == refused && !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(out, part) }), nil
	}, func() string { return out + "\n" + r.replicas[0].LogTail(logTail) })
	return out
}

func testAPIServerAsksWebhook(t *testing.T) {
	r := startReviews(t)
	r.ApplyDeployment("web", 1)
	bad := r.object("web", "web", "{type: prometheus, metadata: {serverAddress: 'http://p:9090', query: up, treshold: 5}}", "{type: crom}", "{type: cpu, metadata: {value: 60}}")
	mistakes := []string{
		`spec.triggers[0].metadata.treshold: `, `did you mean "threshold"?`, `spec.triggers[1].type: `, `did you mean "cron"?`,
	}
	// Until the API server has read the certificate, it stores objects without a review, as failurePolicy says; a dry run stores nothing.
	r.apply(bad, true, mistakes, "--dry-run=server")
	if out := r.apply(bad, true, mistakes); !strings.HasPrefix(out, "The ScaledObject \"web\" is invalid: \n* spec.triggers[0].metadata.treshold: ") {
		t.Errorf("kubectl does not print each mistake in a line of its own:\n%s", out)
	}
	good := r.object("web", "web", "{type: push, metadata: {threshold: 5}, authenticationRef: {name: login}}")
	warning := []string{"Warning: spec.triggers[0].authenticationRef: TriggerAuthentication " + r.Namespace + "/login does not exist"}
	r.apply(good, false, warning, "--dry-run=server")
	r.apply(good, false, append(warning, "scaledobject.impulse.sh/web created"))
	r.apply(r.object("second", "web", "{type: push, metadata: {threshold: 5}}"), true, []string{"spec.scaleTargetRef: ScaledObject web scales the same Deployment"}, "--dry-run=server")

	usage := r.object("usage", "web", "{type: cpu, metadata: {value: 60}}")
	r.apply(strings.Replace(usage, "{name: web}", "{name: api}", 1), false, []string{"created"}, "--dry-run=server") // There is no such target yet.
	r.ApplyDeployment("api", 1)
	r.apply(strings.Replace(usage, "{name: web}", "{name: api}", 1), true, []string{"of Deployment api has none"}, "--dry-run=server")
	r.mustKubectl("-n", r.Namespace, "autoscale", "deployment", "api", "--max=3", "--cpu=50%")
	r.apply(r.object("api", "api", "{type: push, metadata: {threshold: 5}}"), true, []string{"HorizontalPodAutoscaler api scales the same Deployment"}, "--dry-run=server")

	// A misspelt annotation is a warning, which the other replica gives.
	r.until("the other replica warns", func(ctx context.Context) (bool, error) {
		out, err := r.Kubectl(ctx, "", "-n", r.Namespace, "annotate", "--dry-run=server", "so", "web", "impulse.sh/puased=true")
		return strings.Contains(out, `did you mean "impulse.sh/paused"?`), err
	}, func() string { return r.replicas[1].LogTail(logTail) })
	r.expectFinalizerGoes()
	r.expectCertificateRepaired(bad, mistakes)
}

// expectFinalizerGoes stores an invalid object while no webhook is asked, and removes its finalizer and the object while it is.
func (r *reviews) expectFinalizerGoes() {
	r.t.Helper()
	hooks := r.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	if err := hooks.Delete(r.t.Context(), "impulse", metav1.DeleteOptions{}); err != nil {
		r.t.Fatal(err)
	}
	old := strings.Replace(r.object("old", "old", "{type: push, metadata: {threshold: 5, more: 1}}"), "{name: old,", "{name: old, finalizers: [example.com/wait],", 1)
	r.apply(old, false, []string{"created"})
	r.applyWebhooks()
	r.apply(strings.Replace(old, "minReplicaCount: 1", "minReplicaCount: 2", 1), true, []string{"spec.triggers[0].metadata.more: "}, "--dry-run=server")
	r.mustKubectl("-n", r.Namespace, "delete", "so", "old", "--wait=false")
	r.mustKubectl("-n", r.Namespace, "patch", "so", "old", "--type=merge", "-p", `{"metadata": {"finalizers": null}}`)
	r.awaitGone("old")
}

// expectCertificateRepaired removes a caBundle, and then the certificate. The webhook refuses again once they are repaired.
func (r *reviews) expectCertificateRepaired(bad string, mistakes []string) {
	r.t.Helper()
	before := r.bundle(r.t.Context())
	r.mustKubectl("patch", "validatingwebhookconfiguration", "impulse", "--type=json", "-p", `[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]`)
	r.apply(bad, true, mistakes, "--dry-run=server")
	if r.bundle(r.t.Context()) != before {
		r.t.Error("the caBundle is another than before")
	}
	r.mustKubectl("-n", "impulse-system", "patch", "secret", "impulse-admission", "--type=json", "-p", `[{"op": "remove", "path": "/data"}]`)
	r.until("there is another CA", func(ctx context.Context) (bool, error) { return r.bundle(ctx) != before, nil }, func() string { return r.replicas[0].LogTail(logTail) })
	r.apply(bad, true, mistakes, "--dry-run=server")
}

// bundle returns the caBundle of the first webhook.
func (r *reviews) bundle(ctx context.Context) string {
	r.t.Helper()
	out, err := r.Kubectl(ctx, "", "get", "validatingwebhookconfiguration", r.webhook, "-o", "jsonpath={.webhooks[0].clientConfig.caBundle}")
	if err != nil {
		r.t.Fatal(err, out)
	}
	return out
}
