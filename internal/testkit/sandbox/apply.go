package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"

	"github.com/impulse-sh/impulse/internal/testkit"
)

// Apply applies the objects of a YAML text, in the namespace, as `kubectl apply --server-side --force-conflicts` does: a field that the last
// text had and this one has not is removed. A process for each text would take a second of the machine.
func (e *Env) Apply(text string) {
	e.tb.Helper()
	e.applyAll(text)
}

// applyAll applies the objects of a YAML text, and returns them.
func (e *Env) applyAll(text string) (all []unstructured.Unstructured) {
	e.tb.Helper()
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object unstructured.Unstructured
		err := documents.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err == nil && len(object.Object) > 0 {
			all = append(all, object)
			err = e.apply(&object)
		}
		if err != nil {
			e.tb.Fatalf("apply: %v\n%s", err, text)
		}
	}
}

// apply applies one object.
func (e *Env) apply(object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	mapping, err := e.mappingOf(kind)
	if err != nil {
		return fmt.Errorf("find the resource of %s: %w", kind, err)
	}
	all := e.Dynamic.Resource(mapping.Resource)
	resource := dynamic.ResourceInterface(all)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		resource = all.Namespace(cmp.Or(object.GetNamespace(), e.Namespace))
	}
	content, err := object.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	options := metav1.PatchOptions{FieldManager: "test", Force: new(true), FieldValidation: metav1.FieldValidationStrict}
	_, err = resource.Patch(e.tb.Context(), object.GetName(), types.ApplyPatchType, content, options)
	return err
}

// mappingOf returns the resource of a kind. It waits for the API server to serve a kind whose definition has just been applied.
func (e *Env) mappingOf(kind schema.GroupVersionKind) (mapping *meta.RESTMapping, err error) {
	testkit.Poll(e.tb, func(context.Context) bool {
		if mapping, err = e.kinds.RESTMapping(kind.GroupKind(), kind.Version); meta.IsNoMatchError(err) {
			e.kinds.Reset()
			return false
		}
		return true
	})
	return mapping, err
}
