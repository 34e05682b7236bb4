package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestUninstall(t *testing.T) {
	t.Parallel()
	t.Run("uninstall restores the targets and leaves nothing", testUninstallRestoresTargetsAndLeavesNothing)
	t.Run("uninstall without a running Impulse prints what it waits for", testUninstallWithoutRunningImpulsePrintsWhatItWaitsFor)
}

// ownPlane creates an env in a control plane of its own, in which deleted namespaces are removed.
func ownPlane(t *testing.T) *env {
	t.Helper()
	t.Parallel()
	acquireSlot(t)
	return envOf(t, sandbox.NewControlPlane(t, "controller-manager").NewEnv())
}

// mustKubectl runs kubectl, and fails the test when kubectl fails.
func (e *env) mustKubectl(args ...string) string {
	e.t.Helper()
	out, err := e.Kubectl(e.t.Context(), "", args...)
	if err != nil {
		e.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// manifests runs kubectl with deploy/manifests.
func (e *env) manifests(args ...string) string {
	e.t.Helper()
	return e.mustKubectl(append([]string{"-n", "impulse-system", "-k", "../../deploy/manifests"}, args...)...)
}

// openStorages makes the API server open the storage of each of our kinds, which it does at the first request after a change of
// the CRD. If that request is the deletion of the kind, it may fail, and is repeated only after five minutes.
func (e *env) openStorages() {
	e.t.Helper()
	e.mustKubectl("get", "--all-namespaces", "scaledobjects,alertsets,triggerauthentications,clustertriggerauthentications")
}

// install installs Impulse from deploy/manifests and runs it with the permissions that it has there. It scales two Deployments from 3 to
// 5: web, whose original count is restored, and left, whose is not.
func (e *env) install() *impulse {
	e.t.Helper()
	e.manifests("apply")
	e.mustKubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", "../../deploy/crds")
	e.openStorages()
	for _, name := range []string{"web", "left"} {
		e.ApplyDeployment(name, 3)
	}
	e.Apply(withRestore(onAlert("web")))
	e.Apply(onAlert("left"))
	address := testkit.FreeAddress(e.t)
	i := &impulse{url: "http://" + address, args: []string{
		"run", "--kubeconfig", e.serviceAccount(), "--namespace", e.Namespace, "--lease-namespace", "impulse-system", "--listen", address,
	}}
	e.restart(i)
	for _, name := range []string{"web", "left"} {
		e.AwaitReplicas(name, 1)
		e.webhook(i, name, "firing")
		e.AwaitReplicas(name, 5)
	}
	e.awaitFinalizers("web", 1)
	return i
}

// expectUninstalled fails the test when anything that deploy/manifests creates still exists, or the counts are not as expected.
func (e *env) expectUninstalled(web, left int32) {
	e.t.Helper()
	if out := e.manifests("get", "--ignore-not-found", "-o", "name"); strings.TrimSpace(out) != "" {
		e.t.Errorf("this still exists:\n%s", out)
	}
	for name, want := range map[string]int32{"web": web, "left": left} {
		if n := e.count(e.t.Context(), name); n != want {
			e.t.Errorf("%s has %d replicas, want %d", name, n, want)
		}
	}
}

// uninstall runs the documented command, and returns what it prints.
func (e *env) uninstall(ctx context.Context, args ...string) (string, error) {
	e.t.Helper()
	return process.Run(ctx, e.command, append([]string{"uninstall", "--kubeconfig", e.Kubeconfig}, args...)...)
}

func testUninstallRestoresTargetsAndLeavesNothing(t *testing.T) {
	e := ownPlane(t)
	for name, remove := range map[string]func() (string, error){
		"the command": func() (string, error) { return e.uninstall(t.Context()) },
		"by kubectl":  func() (string, error) { return process.Run(t.Context(), "sh", "-ec", e.byKubectl()) },
	} {
		i := e.install()
		if out, err := remove(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		e.expectUninstalled(3, 5)
		i.Kill()
	}
	if out, err := e.uninstall(t.Context()); err != nil || strings.Contains(out, "deleted") {
		t.Errorf("when nothing is installed: %v\n%s", err, out)
	}
}

// byKubectl returns the commands of docs/deletion.md that need only kubectl.
func (e *env) byKubectl() string {
	e.t.Helper()
	page, err := os.ReadFile("../../docs/deletion.md")
	if err != nil {
		e.t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "kubectl delete crd ") {
			return fmt.Sprintf("cd ../..; export KUBECONFIG=%s PATH=%s:$PATH; %s", e.Kubeconfig, filepath.Dir(sandbox.Binary(e.t, "kubectl")), line)
		}
	}
	e.t.Fatal("docs/deletion.md has no such command")
	return ""
}

func testUninstallWithoutRunningImpulsePrintsWhatItWaitsFor(t *testing.T) {
	e := ownPlane(t)
	e.install().Kill()
	e.expectRemaining(e.Namespace+"/web (the count of its target has not been restored yet)", "--timeout", "2s")
	if left := e.mustKubectl("get", "so", "-o", "name"); left != "scaledobject.impulse.sh/web\n" {
		t.Errorf("these ScaledObjects exist: %s", left)
	}
	e.mustKubectl("get", "clusterrole", "impulse") // An Impulse that starts now has its permissions.
	if out, err := e.uninstall(t.Context(), "--keep-counts"); err != nil {
		t.Fatal(err, out)
	}
	e.expectUninstalled(5, 5)

	e.install().Kill()
	e.manifests("delete", "--wait=false") // Its permissions are gone as well.
	i := e.impulse()                      // An administrator's has them.
	i.Process = e.spawn("impulse", e.command, i.args...)
	if out, err := e.uninstall(t.Context()); err != nil {
		t.Fatal(err, out)
	}
	e.expectUninstalled(3, 5)
	i.Kill()

	e.install().Kill()
	e.mustKubectl("patch", "so", "left", "--type", "merge", "--patch", `{"metadata": {"finalizers": ["example.com/theirs"]}}`)
	e.expectRemaining(e.Namespace+"/left (it has the finalizer example.com/theirs, which is not Impulse's)", "--timeout", "2s", "--keep-counts")
}

// expectRemaining runs the documented command, which fails after its timeout, until it has had the time to read what remains, and names it.
func (e *env) expectRemaining(what string, args ...string) {
	e.t.Helper()
	var out string
	e.until("uninstall prints "+what, func(ctx context.Context) (bool, error) {
		var err error
		if out, err = e.uninstall(ctx, args...); err == nil {
			return false, fmt.Errorf("uninstall %v: got no error", args)
		}
		return strings.Contains(out, what) && strings.Contains(out, "after the timeout"), nil
	}, func() string { return out })
}
