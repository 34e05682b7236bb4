package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// ApplyCRDs applies a folder of CustomResourceDefinitions to the cluster of Config and waits until they are served. Tests share
// them; applying them again changes nothing.
func ApplyCRDs(tb testing.TB, folder string) {
	tb.Helper()
	applyCRDs(tb, Kubeconfig(tb), folder)
}

// ApplyCRDs applies a folder of CustomResourceDefinitions and waits until they are served.
func (c *ControlPlane) ApplyCRDs(folder string) {
	c.tb.Helper()
	applyCRDs(c.tb, c.Kubeconfig, folder)
}

func applyCRDs(tb testing.TB, kubeconfig, folder string) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("%s has no CustomResourceDefinition (%v)", folder, err)
	}
	e := connect(tb, kubeconfig)
	var unserved []unstructured.Unstructured
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		unserved = append(unserved, e.applyAll(string(text))...)
	}
	testkit.Eventually(tb, "every CustomResourceDefinition is served", func(ctx context.Context) bool {
		unserved = slices.DeleteFunc(unserved, func(d unstructured.Unstructured) bool { return e.serves(ctx, &d) })
		return len(unserved) == 0
	})
}

// serves reports whether the API server answers requests for the kind of a definition. It may not yet when that is established.
func (e *Env) serves(ctx context.Context, definition *unstructured.Unstructured) bool {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, v := range versions {
		version, _ := v.(map[string]any)
		name, _ := version["name"].(string)
		if err == nil && version["served"] == true {
			_, err = e.Dynamic.Resource(schema.GroupVersionResource{Group: group, Version: name, Resource: plural}).List(ctx, metav1.ListOptions{Limit: 1})
		}
	}
	return err == nil && len(versions) > 0
}
