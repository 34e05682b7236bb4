package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/manifest"
)

// fieldManager owns the fields of the objects that adopt creates.
const fieldManager = v1alpha1.AdoptFieldManager

// converted is one object of Impulse, with the YAML that says in comments what differs.
type converted struct {
	yaml   []byte
	object *unstructured.Unstructured
}

// errOther is returned if an object with the name exists that adopt has not created.
var errOther = errors.New("it exists already and was not created by impulse adopt: delete or rename it first")

// convert converts an object, and before it the authentications that it names and that Impulse does not have yet.
func (a *adoption) convert(ctx context.Context, old *unstructured.Unstructured) ([]converted, error) {
	var all []*unstructured.Unstructured
	if a.Kind == KEDA {
		authentications, err := a.authentications(ctx, old)
		if err != nil {
			return nil, err
		}
		all = authentications
	}
	var objects []converted
	for _, original := range append(all, old) {
		c, err := a.convertOne(original)
		if err != nil {
			return nil, fmt.Errorf("convert %s %s: %w", original.GetKind(), original.GetName(), err)
		}
		objects = append(objects, c)
	}
	return objects, nil
}

// authentications reads the objects that authenticationRefs name, each once.
func (a *adoption) authentications(ctx context.Context, old *unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	seen := map[string]bool{}
	list, _, err := unstructured.NestedSlice(old.Object, "spec", "triggers")
	if err != nil {
		return nil, fmt.Errorf("read the triggers of %s: %w", a.what(), err)
	}
	for _, item := range list {
		trigger, ok := item.(map[string]any)
		if !ok {
			continue // The conversion names it.
		}
		name, _, _ := unstructured.NestedString(trigger, "authenticationRef", "name")
		kind, _, _ := unstructured.NestedString(trigger, "authenticationRef", "kind")
		if name == "" || seen[kind+"/"+name] {
			continue
		}
		seen[kind+"/"+name] = true
		namespace := a.Namespace
		resource := schema.GroupVersionResource{Group: kedaObjects.Group, Version: kedaObjects.Version, Resource: "triggerauthentications"}
		if kind == "ClusterTriggerAuthentication" {
			namespace, resource.Resource = "", "clustertriggerauthentications"
		}
		authentication, err := a.client.Resource(resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read the authenticationRef %s of %s: %w", name, a.what(), err)
		}
		all = append(all, authentication)
	}
	return all, nil
}

// convertOne converts an object as `impulse convert` does.
func (a *adoption) convertOne(original *unstructured.Unstructured) (converted, error) {
	original = original.DeepCopy()
	original.SetManagedFields(nil)
	original.SetOwnerReferences(nil)
	original.SetFinalizers(nil)
	content, err := original.MarshalJSON()
	if err != nil {
		return converted{}, err
	}
	c, mistakes, err := manifest.Convert(content, a.Kinds, compile.DefaultSettings())
	switch {
	case err != nil:
		return converted{}, err
	case c == nil:
		return converted{}, firstMistake(mistakes)
	}
	object := &unstructured.Unstructured{}
	return converted{c.YAML, object}, object.UnmarshalJSON(c.JSON)
}

// firstMistake returns the first problem that is no warning.
func firstMistake(problems []diag.Error) error {
	i := slices.IndexFunc(problems, func(p diag.Error) bool { return !p.Warning })
	return problems[i]
}

// create creates an object, or leaves the one that an earlier run created as this one would.
func (a *adoption) create(ctx context.Context, object *unstructured.Unstructured) error {
	resource := ourObjects
	namespace := a.Namespace
	switch object.GetKind() {
	case "TriggerAuthentication":
		resource.Resource = "triggerauthentications"
	case "ClusterTriggerAuthentication":
		resource.Resource, namespace = "clustertriggerauthentications", ""
	}
	object.SetNamespace(namespace)
	client := a.client.Resource(resource).Namespace(namespace)
	name := object.GetKind() + " " + object.GetName()
	there, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	done := "updated"
	switch {
	case apierrors.IsNotFound(err):
		done = "created"
	case err != nil:
		return fmt.Errorf("look for Impulse's %s: %w", name, err)
	case !createdByAdopt(there):
		return fmt.Errorf("create Impulse's %s: %w", name, errOther)
	}
	applied, err := client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("create Impulse's %s: %w", name, err)
	}
	if there != nil && there.GetResourceVersion() == applied.GetResourceVersion() {
		done = "found"
	}
	a.report("%s Impulse's %s", done, name)
	return nil
}

func createdByAdopt(object *unstructured.Unstructured) bool {
	for _, f := range object.GetManagedFields() {
		if f.Manager == fieldManager {
			return true
		}
	}
	return false
}
