package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestPermissions(t *testing.T) {
	t.Parallel()
	t.Run("the manifests grant the needed permissions and no more", testManifestsGrantNeededPermissionsAndNoMore)
}

func testManifestsGrantNeededPermissionsAndNoMore(t *testing.T) {
	e := newEnv(t)
	if out, err := e.Kubectl(e.t.Context(), "", "-n", "impulse-system", "apply", "--server-side", "--force-conflicts", "-k", "../../deploy/manifests"); err != nil {
		t.Fatal(err, out)
	}
	config := e.serviceAccount()
	for question, want := range map[string]string{
		"patch deployments.apps --subresource=scale": "yes", "patch deployments.apps": "no", "get secrets": "no", "delete pods": "no", "list pods.metrics.k8s.io": "yes",
		"list endpointslices.discovery.k8s.io": "yes", "watch endpointslices.discovery.k8s.io": "yes", "get services": "no",
		"update scaledobjects.impulse.sh": "no", "patch scaledobjects.impulse.sh": "yes",
		"get secrets/impulse-peers -n impulse-system": "yes", "get secrets/impulse-tokens -n impulse-system": "no", "create secrets -n impulse-system": "no",
	} {
		args := append([]string{"--kubeconfig", config, "-n", e.Namespace, "auth", "can-i"}, strings.Fields(question)...)
		out, _ := process.Run(t.Context(), sandbox.Binary(e.t, "kubectl"), args...)
		if !strings.Contains(out, want) {
			t.Errorf("can it %s: %s", question, out)
		}
	}
	e.checkMetricsPermissions()
	e.ApplyDeployment("web", 1)
	e.Apply(withRestore(onAlert("web")))
	address := testkit.FreeAddress(t)
	i := &impulse{url: "http://" + address, args: []string{
		"run", "--kubeconfig", config, "--namespace", e.Namespace, "--lease-namespace", "impulse-system", "--lease-name", e.Namespace, "--listen", address,
	}}
	e.restart(i)
	e.condition("web", "Ready", "True", "Ready")
	e.until("the replicas have their key", func(ctx context.Context) (bool, error) {
		secret, err := e.Kube.CoreV1().Secrets("impulse-system").Get(ctx, "impulse-peers", metav1.GetOptions{})
		return err == nil && len(secret.Data["key"]) == 32, i.Err()
	}, func() string { return i.LogTail(logTail) })
	e.webhook(i, "web", "firing")
	e.AwaitReplicas("web", 5)
	e.condition("web", "Active", "True", "TriggerActive")
	e.webhook(i, "web", "resolved")
	e.AwaitReplicas("web", 1)
	again := bytes.Replace(testkit.AlertmanagerWebhook("web", "firing"), []byte("2026-01-01T08"), []byte("2026-01-03T08"), 1) // The same activation could be a late delivery.
	e.deliver(i, e.Namespace, again)
	e.AwaitReplicas("web", 5)
	e.delete("web")
	e.awaitGone("web")
	e.AwaitReplicas("web", 1)
}

// serviceAccount writes a kubeconfig with the permissions of the manifests' ServiceAccount.
func (e *env) serviceAccount() string {
	e.t.Helper()
	token, err := e.Kubectl(e.t.Context(), "", "create", "token", "impulse", "-n", "impulse-system")
	if err != nil {
		e.t.Fatal(err, token)
	}
	config := filepath.Join(e.t.TempDir(), "kubeconfig")
	content, err := os.ReadFile(e.Kubeconfig)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(config, content, 0o600); err != nil {
		e.t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "set-credentials", "impulse", "--token", strings.TrimSpace(token)},
		{"config", "set-context", "--current", "--user", "impulse"},
	} {
		if out, err := process.Run(e.t.Context(), sandbox.Binary(e.t, "kubectl"), append([]string{"--kubeconfig", config}, args...)...); err != nil {
			e.t.Fatal(fmt.Sprint(args), err, out)
		}
	}
	return config
}

// checkMetricsPermissions checks the permissions for metrics adapters. kubectl auth can-i cannot do that: for a resource that no server
// has, it asks about the core group.
func (e *env) checkMetricsPermissions() {
	e.t.Helper()
	for _, c := range []struct {
		want bool
		of   authorizationv1.ResourceAttributes
	}{
		{true, authorizationv1.ResourceAttributes{Verb: "get", Group: "custom.metrics.k8s.io", Resource: "services", Name: "web", Subresource: "hits"}},
		{false, authorizationv1.ResourceAttributes{Verb: "list", Group: "custom.metrics.k8s.io", Resource: "services"}},
		{true, authorizationv1.ResourceAttributes{Verb: "list", Group: "external.metrics.k8s.io", Resource: "orders"}},
	} {
		c.of.Namespace = e.Namespace
		review, err := e.Kube.AuthorizationV1().SubjectAccessReviews().Create(e.t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: "system:serviceaccount:impulse-system:impulse", ResourceAttributes: &c.of},
		}, metav1.CreateOptions{})
		if err != nil || review.Status.Allowed != c.want {
			e.t.Errorf("%+v: allowed %t, error %v; want %t", c.of, review != nil && review.Status.Allowed, err, c.want)
		}
	}
}
