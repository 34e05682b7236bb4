package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// own is a world on a control plane of its own, whose namespaces can be deleted.
func own(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	takePlace(t)
	return worldOf(t, sandbox.NewControlPlane(t, "controller-manager").Kubeconfig)
}

// must runs kubectl, and fails the test when kubectl does.
func (w *world) must(args ...string) string {
	w.t.Helper()
	out, err := w.kubectl(w.t.Context(), "", args...)
	if err != nil {
		w.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// manifests runs kubectl with what deploy/manifests holds.
func (w *world) manifests(args ...string) string {
	w.t.Helper()
	return w.must(append([]string{"-n", "impulse-system", "-k", "../../deploy/manifests"}, args...)...)
}

// openStorages makes the API server open the storage of each of our kinds, which it does with the first request after a change of
// the CRD. Where that is the deletion of the kind, it may fail, and is repeated only after five minutes.
func (w *world) openStorages() {
	w.t.Helper()
	w.must("get", "--all-namespaces", "scaledobjects,alertsets,triggerauthentications,clustertriggerauthentications")
}

// install installs Impulse from deploy/manifests and runs it with the rights that it has there. It scales two Deployments from 3 to
// 5: web, which gets its original count back, and left, which does not.
func (w *world) install() *impulse {
	w.t.Helper()
	w.manifests("apply")
	w.must("wait", "--for=condition=Established", "--timeout=60s", "-f", "../../deploy/crds")
	w.openStorages()
	for _, name := range []string{"web", "left"} {
		w.deployment(name, 3)
	}
	w.apply(restored(onAlert("web")))
	w.apply(onAlert("left"))
	address := freeAddress(w.t)
	i := &impulse{url: "http://" + address, args: []string{
		"run", "--kubeconfig", w.serviceAccount(), "--namespace", w.ns, "--lease-namespace", "impulse-system", "--listen", address,
	}}
	w.restart(i)
	for _, name := range []string{"web", "left"} {
		w.replicas(name, 1)
		w.webhook(i, name, "firing")
		w.replicas(name, 5)
	}
	w.finalizers("web", 1)
	return i
}

// uninstalled fails the test when anything that deploy/manifests creates still exists, or the counts are not as expected.
func (w *world) uninstalled(web, left int32) {
	w.t.Helper()
	if out := w.manifests("get", "--ignore-not-found", "-o", "name"); strings.TrimSpace(out) != "" {
		w.t.Errorf("this still exists:\n%s", out)
	}
	for name, want := range map[string]int32{"web": web, "left": left} {
		if n := w.count(w.t.Context(), name); n != want {
			w.t.Errorf("%s has %d replicas, want %d", name, n, want)
		}
	}
}

// uninstall runs the documented command, and returns what it prints.
func (w *world) uninstall(args ...string) (string, error) {
	w.t.Helper()
	return process.Run(w.t.Context(), suite.impulse, append([]string{"uninstall", "--kubeconfig", w.kubeconfig}, args...)...)
}

func TestUninstallRestoresTargetsAndLeavesNothing(t *testing.T) {
	w := own(t)
	for name, remove := range map[string]func() (string, error){
		"the command": func() (string, error) { return w.uninstall() },
		"by kubectl":  func() (string, error) { return process.Run(t.Context(), "sh", "-ec", w.byKubectl()) },
	} {
		i := w.install()
		if out, err := remove(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		w.uninstalled(3, 5)
		i.Kill()
	}
	if out, err := w.uninstall(); err != nil || strings.Contains(out, "deleted") {
		t.Errorf("when nothing is installed: %v\n%s", err, out)
	}
}

// byKubectl is the command of docs/deletion.md that needs no impulse.
func (w *world) byKubectl() string {
	w.t.Helper()
	page, err := os.ReadFile("../../docs/deletion.md")
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "kubectl delete crd ") {
			return fmt.Sprintf("cd ../..; export KUBECONFIG=%s PATH=%s:$PATH; %s", w.kubeconfig, filepath.Dir(kubectlPath()), line)
		}
	}
	w.t.Fatal("docs/deletion.md has no such command")
	return ""
}

func TestUninstallWithoutAnImpulseSaysWhatItWaitsFor(t *testing.T) {
	w := own(t)
	w.install().Kill()
	w.remains(w.ns+"/web (the count of its target has not been restored yet)", "--timeout", "2s")
	if left := w.must("get", "so", "-o", "name"); left != "scaledobject.impulse.sh/web\n" {
		t.Errorf("these ScaledObjects exist: %s", left)
	}
	w.must("get", "clusterrole", "impulse") // An Impulse that starts now has its rights.
	if out, err := w.uninstall("--keep-counts"); err != nil {
		t.Fatal(err, out)
	}
	w.uninstalled(5, 5)

	w.install().Kill()
	w.manifests("delete", "--wait=false") // Its rights are gone as well.
	i := w.impulse()                      // An administrator's has them.
	i.Process = w.spawn("impulse", suite.impulse, i.args...)
	if out, err := w.uninstall(); err != nil {
		t.Fatal(err, out)
	}
	w.uninstalled(3, 5)
	i.Kill()

	w.install().Kill()
	w.must("patch", "so", "left", "--type", "merge", "--patch", `{"metadata": {"finalizers": ["example.com/theirs"]}}`)
	w.remains(w.ns+"/left (it has the finalizer example.com/theirs, which is not Impulse's)", "--timeout", "2s", "--keep-counts")
}

// remains runs the documented command, which fails after its timeout and names what remains.
func (w *world) remains(what string, args ...string) {
	w.t.Helper()
	out, err := w.uninstall(args...)
	if err == nil || !strings.Contains(out, what) || !strings.Contains(out, "after the timeout") {
		w.t.Fatalf("uninstall %v: %v; want that it says %s:\n%s", args, err, what, out)
	}
}
