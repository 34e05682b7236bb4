package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestManifests(t *testing.T) {
	t.Parallel()
	t.Run("the kustomization has every file that is made from the chart", testKustomizationHasEveryFileMadeFromChart)
	t.Run("the webhook of the manifests is that of the chart", testWebhookOfManifestsIsThatOfChart)
}

const manifests = "deploy/manifests"

func testKustomizationHasEveryFileMadeFromChart(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(root, manifests, "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var k struct{ Resources []string }
	if err := yaml.Unmarshal(content, &k); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, manifests, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"../crds"}
	for _, file := range files {
		optional := []string{"kustomization.yaml", "values.yaml", "keda.yaml", "admission.yaml"}
		if name := filepath.Base(file); !slices.Contains(optional, name) {
			want = append(want, name)
		}
	}
	slices.Sort(k.Resources)
	slices.Sort(want)
	if !slices.Equal(k.Resources, want) {
		t.Errorf("kustomization.yaml has the resources %q, want %q", k.Resources, want)
	}
}

func testWebhookOfManifestsIsThatOfChart(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(root, manifests, "admission.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rendered := render(t, set("admission.enabled=true")...)
	for _, want := range decode(t, string(content)) {
		got := find(t, rendered, want.GetKind(), want.GetName())
		for _, o := range []*unstructured.Unstructured{got, &want} {
			o.SetLabels(nil)
		}
		if fmt.Sprint(got.Object) != fmt.Sprint(want.Object) {
			t.Errorf("%s %s:\nthe chart has %v\nadmission.yaml has %v", want.GetKind(), want.GetName(), got.Object, want.Object)
		}
	}
	for i, o := range rendered {
		if strings.Contains(o.GetName(), "admission") && !strings.Contains(string(content), "kind: "+o.GetKind()+"\n") {
			t.Errorf("admission.yaml has no %s %s", o.GetKind(), rendered[i].GetName())
		}
	}
}
