package chart

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestServer(t *testing.T) {
	t.Parallel()
	t.Run("a real API server accepts every object, and its Pod Security level restricted every Pod", testRealAPIServerAcceptsEveryObject)
	t.Run("the pages have valid objects and values", testPagesHaveValidObjectsAndValues)
	t.Run("the manifests with the KEDA bridge are those of the chart", testManifestsWithKEDABridgeAreThoseOfChart)
}

// newServer starts a control plane with the definitions of Impulse and of other projects, and the namespaces that the variants name.
func newServer(t *testing.T) *sandbox.Env {
	t.Helper()
	plane := sandbox.NewControlPlane(t)
	plane.ApplyCRDs(helm.Definitions(t, root))
	plane.ApplyCRDs(filepath.Join(root, "deploy/crds"))
	e := plane.NewEnv()
	for _, namespace := range []string{"impulse-system", "shop", "bank"} {
		e.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + namespace + ", labels: {pod-security.kubernetes.io/enforce: restricted}}}")
	}
	for _, name := range []string{"impulse", "scaler", "mine"} { // Every Pod needs one.
		e.Apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: " + name + ", namespace: impulse-system}}")
	}
	return e
}

// tryApply returns the error with which the API server refuses objects; it stores none of them.
func tryApply(t *testing.T, e *sandbox.Env, text string) error {
	t.Helper()
	out, err := process.RunWithInput(t.Context(), strings.NewReader(text), sandbox.Binary(t, "kubectl"), "--kubeconfig", e.Kubeconfig,
		"apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
	if err != nil {
		t.Log(out)
	}
	return err
}

// podOf returns the Pod that a Deployment makes, as JSON.
func podOf(t *testing.T, all []unstructured.Unstructured) string {
	t.Helper()
	template, _, err := unstructured.NestedMap(find(t, all, "Deployment", "impulse").Object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	pod := unstructured.Unstructured{Object: template}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetName("impulse")
	pod.SetNamespace("impulse-system")
	text, err := pod.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func testRealAPIServerAcceptsEveryObject(t *testing.T) {
	t.Parallel()
	e := newServer(t)
	for _, v := range variants {
		text, err := helm.Template(t, root, "impulse", "impulse-system", v.values...)
		if err != nil {
			t.Fatal(err)
		}
		if err := tryApply(t, e, text); err != nil {
			t.Errorf("%s: the API server refuses the objects: %v", v.name, err)
		}
		if err := tryApply(t, e, podOf(t, decode(t, text))); err != nil {
			t.Errorf("%s: the API server refuses the Pod: %v", v.name, err)
		}
	}
	for _, value := range []string{"securityContext.capabilities=null", "podSecurityContext.seccompProfile=null", "podSecurityContext.runAsNonRoot=null"} {
		if err := tryApply(t, e, podOf(t, render(t, set(value)...))); err == nil {
			t.Errorf("%s: the API server accepts the Pod in a namespace with the level restricted", value)
		}
	}
}

func testPagesHaveValidObjectsAndValues(t *testing.T) {
	t.Parallel()
	e := newServer(t)
	const page = "docs/kube-prometheus-stack.md"
	for _, text := range testkit.Fenced(t, filepath.Join(root, page), "yaml") {
		if err := tryApply(t, e, text); err != nil {
			t.Errorf("%s: %v\n%s", page, err, text)
		}
	}
	for _, page := range []string{page, "deploy/chart/README.md"} {
		for _, text := range testkit.Fenced(t, filepath.Join(root, page), "yaml values") {
			file := filepath.Join(t.TempDir(), "values.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			rendered, err := helm.Template(t, root, "impulse", "impulse-system", "--values", file)
			if err == nil {
				err = tryApply(t, e, rendered)
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", page, err, text)
			}
		}
	}
}

func testManifestsWithKEDABridgeAreThoseOfChart(t *testing.T) {
	t.Parallel()
	e := sandbox.NewEnv(t)
	out, err := e.Kubectl(t.Context(), "", "kustomize", filepath.Join(root, "deploy/keda-bridge/manifests"))
	if err != nil {
		t.Fatal(err, out)
	}
	of := func(all []unstructured.Unstructured) map[string]any {
		spec, _, err := unstructured.NestedMap(find(t, all, "Deployment", "impulse").Object, "spec", "template", "spec")
		if err != nil {
			t.Fatal(err)
		}
		return spec
	}
	got, want := of(decode(t, out)), of(render(t, "--values", "deploy/manifests/values.yaml", "--set", "kedaBridge.enabled=true"))
	for _, field := range []string{"containers", "volumes"} {
		if a, b := sorted(t, got[field]), sorted(t, want[field]); !slices.Equal(a, b) {
			t.Errorf("%s: the manifests have\n%s\nthe chart has\n%s", field, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
}

// sorted returns the items of a list as JSON, sorted; so are the lists in them, because neither mounts nor arguments have an order here.
func sorted(t *testing.T, list any) []string {
	t.Helper()
	items, _ := list.([]any)
	all := make([]string, len(items))
	for i, item := range items {
		if fields, ok := item.(map[string]any); ok {
			for _, name := range []string{"args", "volumeMounts"} {
				if _, ok := fields[name]; ok {
					fields[name] = sorted(t, fields[name])
				}
			}
		}
		text, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = string(text)
	}
	slices.Sort(all)
	return all
}
