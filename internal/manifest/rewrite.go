package manifest

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Foreign reports whether an object is an HPA or one of KEDA's.
func (o *Object) Foreign() bool {
	return o.hpa || text(child(o.node, "apiVersion")) == kedaGroup
}

// written is what a user writes of a ScaledObject.
type written struct {
	metav1.TypeMeta `json:",inline"`

	Metadata map[string]any            `json:"metadata"`
	Spec     v1alpha1.ScaledObjectSpec `json:"spec"`
}

// Rewrite returns a foreign object as one of ours in YAML, with every difference that is left as a comment above it.
func (o *Object) Rewrite() ([]byte, error) {
	if o.ScaledObject == nil {
		return o.regroup()
	}
	var out bytes.Buffer
	for _, n := range o.notes {
		fmt.Fprintf(&out, "# %s: %s (%s)\n", n.Field, n.Problem, n.Suggestion)
	}
	so := o.ScaledObject
	w := written{TypeMeta: so.TypeMeta, Metadata: map[string]any{"name": so.Name}, Spec: so.Spec}
	if child(child(o.node, "metadata"), "namespace") != nil {
		w.Metadata["namespace"] = so.Namespace
	}
	if len(so.Labels) > 0 {
		w.Metadata["labels"] = so.Labels
	}
	if len(so.Annotations) > 0 {
		w.Metadata["annotations"] = so.Annotations
	}
	content, err := sigsyaml.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.name(), err)
	}
	out.Write(content)
	return out.Bytes(), nil
}

// regroup returns one of KEDA's authentications in our group.
func (o *Object) regroup() ([]byte, error) {
	if n := resolved(child(o.node, "apiVersion")); n != nil {
		n.Value = v1alpha1.GroupName + "/v1alpha1"
	}
	content, err := yaml.Marshal(o.node)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.name(), err)
	}
	return content, nil
}
