package manifest

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// YAML returns an object as one that may be applied: with its defaults, and without what only a server fills in.
func (o *Object) YAML() ([]byte, error) {
	so := o.ScaledObject.DeepCopy()
	so.APIVersion, so.Kind = v1alpha1.GroupVersion().String(), "ScaledObject"
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(so)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.name(), err)
	}
	delete(fields, "status")
	if metadata, ok := fields["metadata"].(map[string]any); ok {
		for _, key := range []string{"creationTimestamp", "uid", "resourceVersion", "generation", "managedFields"} {
			delete(metadata, key)
		}
	}
	text, err := yaml.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.name(), err)
	}
	return text, nil
}
