package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

func TestTheManifestsGiveEnoughRightsAndNoMore(t *testing.T) {
	w := newWorld(t)
	if out, err := w.kubectl(w.t.Context(), "", "-n", "impulse-system", "apply", "--server-side", "--force-conflicts", "-k", "../../deploy/manifests"); err != nil {
		t.Fatal(err, out)
	}
	config := w.serviceAccount()
	for question, want := range map[string]string{
		"patch deployments.apps --subresource=scale": "yes", "patch deployments.apps": "no", "get secrets": "no", "delete pods": "no", "list pods.metrics.k8s.io": "yes", "update scaledobjects.impulse.sh": "no", "patch scaledobjects.impulse.sh": "yes",
		"get secrets/impulse-peers -n impulse-system": "yes", "get secrets/impulse-tokens -n impulse-system": "no", "create secrets -n impulse-system": "no",
	} {
		args := append([]string{"--kubeconfig", config, "-n", w.ns, "auth", "can-i"}, strings.Fields(question)...)
		out, _ := process.Run(t.Context(), kubectlPath(), args...)
		if !strings.Contains(out, want) {
			t.Errorf("can it %s: %s", question, out)
		}
	}
	w.deployment("web", 1)
	w.apply(restored(onAlert("web")))
	address := freeAddress(t)
	i := &impulse{url: "http://" + address, args: []string{
		"run", "--kubeconfig", config, "--namespace", w.ns, "--lease-namespace", "impulse-system", "--lease-name", w.ns, "--listen", address,
	}}
	w.restart(i)
	w.condition("web", "Ready", "True", "Ready")
	w.until("the replicas have their key", func(ctx context.Context) (bool, error) {
		secret, err := w.kube.CoreV1().Secrets("impulse-system").Get(ctx, "impulse-peers", metav1.GetOptions{})
		return err == nil && len(secret.Data["key"]) == 32, i.Err()
	}, func() string { return logOf(i.Process) })
	w.webhook(i, "web", "firing")
	w.replicas("web", 5)
	w.condition("web", "Active", "True", "TriggerActive")
	w.webhook(i, "web", "resolved")
	w.replicas("web", 1)
	again := strings.Replace(webhookBody("web", "firing"), "2026-01-01T08", "2026-01-03T08", 1) // The same activation could be a late delivery.
	if code := post(t.Context(), i.url+"/v1/alertmanager/"+w.ns, again); code/100 != 2 {
		t.Fatalf("the webhook was answered with %d", code)
	}
	w.replicas("web", 5)
	w.delete("web")
	w.gone("web")
	w.replicas("web", 1)
}

// serviceAccount writes a kubeconfig with the rights of the manifests' ServiceAccount.
func (w *world) serviceAccount() string {
	w.t.Helper()
	token, err := w.kubectl(w.t.Context(), "", "create", "token", "impulse", "-n", "impulse-system")
	if err != nil {
		w.t.Fatal(err, token)
	}
	config := filepath.Join(w.t.TempDir(), "kubeconfig")
	content, err := os.ReadFile(w.kubeconfig)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(config, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "set-credentials", "impulse", "--token", strings.TrimSpace(token)},
		{"config", "set-context", "--current", "--user", "impulse"},
	} {
		if out, err := process.Run(w.t.Context(), kubectlPath(), append([]string{"--kubeconfig", config}, args...)...); err != nil {
			w.t.Fatal(fmt.Sprint(args), err, out)
		}
	}
	return config
}
