package chart

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/impulse-sh/impulse/internal/testkit/helm"
)

const root = "../.."

// set turns values, such as replicas=1, into arguments of helm.
func set(values ...string) []string {
	var args []string
	for _, v := range values {
		args = append(args, "--set", v)
	}
	return args
}

// render renders the chart as the release impulse in impulse-system.
func render(t *testing.T, args ...string) []unstructured.Unstructured {
	t.Helper()
	text, err := helm.Template(t, root, "impulse", "impulse-system", args...)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}

// decode returns the objects of a YAML text.
func decode(t *testing.T, text string) []unstructured.Unstructured {
	t.Helper()
	var all []unstructured.Unstructured
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	for {
		var object unstructured.Unstructured
		err := documents.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

// names returns the kinds and names of objects, sorted.
func names(all []unstructured.Unstructured) []string {
	var found []string
	for i := range all {
		found = append(found, all[i].GetKind()+"/"+all[i].GetName())
	}
	slices.Sort(found)
	return found
}

// find returns the object of a kind and a name.
func find(t *testing.T, all []unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	i := slices.IndexFunc(all, func(o unstructured.Unstructured) bool { return o.GetKind() == kind && o.GetName() == name })
	if i < 0 {
		t.Fatalf("there is no %s %s in %q", kind, name, names(all))
	}
	return &all[i]
}

// refuse renders values that the chart refuses, and returns the message of helm.
func refuse(t *testing.T, args ...string) string {
	t.Helper()
	text, err := helm.Template(t, root, "impulse", "impulse-system", args...)
	if err == nil {
		t.Fatalf("%q is rendered:\n%s", args, text)
	}
	return strings.TrimSpace(err.Error())
}
