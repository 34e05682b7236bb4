package objects_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/objects"
)

func TestDecode(t *testing.T) {
	t.Run("a number in the metadata of a trigger is text", testNumberInMetadataIsText)
}

func testNumberInMetadataIsText(t *testing.T) {
	from := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject", "metadata": map[string]any{"name": "web"},
		"spec": map[string]any{"triggers": []any{map[string]any{"type": "prometheus", "metadata": map[string]any{"threshold": int64(100), "ignoreNullValues": false}}}},
	}}
	var so v1alpha1.ScaledObject
	if err := objects.Decode(from, &so); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"threshold": "100", "ignoreNullValues": "false"} {
		if got, ok := so.Spec.Triggers[0].Metadata[name].Text(); !ok || got != want {
			t.Errorf("got %s %q, want %q", name, got, want)
		}
	}
}
