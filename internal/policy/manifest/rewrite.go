package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/internal/strictyaml"
)

// Foreign reports whether an object is a HorizontalPodAutoscaler or one of KEDA's.
func (o *Object) Foreign() bool { return o.foreign }

// Broken reports whether an object has a mistake that was found before it was compiled.
func (o *Object) Broken() bool { return o.broken }

// Notes returns what was removed or differs in the conversion of a foreign object. Those of triggers are complete once it was compiled.
func (o *Object) Notes() []diag.Error { return o.notes }

// scaledObjectText has the fields of a ScaledObject that a user writes.
type scaledObjectText struct {
	metav1.TypeMeta `json:",inline"`

	Metadata map[string]any            `json:"metadata"`
	Spec     v1alpha1.ScaledObjectSpec `json:"spec"`
}

// Rewrite returns the conversion of a foreign object in YAML, with every difference that is left as a comment above it.
func (o *Object) Rewrite() ([]byte, error) {
	rewritten := o.convertedAuthentication
	if o.ScaledObject != nil {
		rewritten = o.convertedScaledObject
	}
	content, err := rewritten()
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.name(), err)
	}
	var out bytes.Buffer
	for _, n := range o.notes {
		fmt.Fprintf(&out, "# %s\n", printable.Line(fmt.Sprintf("%s: %s (%s)", n.Field, n.Problem, n.Suggestion), printable.Longest))
	}
	_, err = printable.NewWriter(&out).Write(content)
	return out.Bytes(), err
}

// convertedScaledObject returns a ScaledObject in YAML, as a user writes it.
func (o *Object) convertedScaledObject() ([]byte, error) {
	so := o.ScaledObject
	w := scaledObjectText{TypeMeta: so.TypeMeta, Metadata: map[string]any{"name": so.Name}, Spec: so.Spec}
	if strictyaml.Child(strictyaml.Child(o.node, "metadata"), "namespace") != nil {
		w.Metadata["namespace"] = so.Namespace
	}
	if len(so.Labels) > 0 {
		w.Metadata["labels"] = so.Labels
	}
	if len(so.Annotations) > 0 {
		w.Metadata["annotations"] = so.Annotations
	}
	return Marshal(w)
}

// invalidInYAML matches the characters that JSON may contain, and YAML may not.
var invalidInYAML = regexp.MustCompile(`[\x7f-\x{9f}\x{feff}\x{fffe}\x{ffff}]`)

// Marshal returns a value in YAML by its JSON tags, as sigs.k8s.io/yaml does, whatever characters its texts contain.
func Marshal(v any) ([]byte, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	content = invalidInYAML.ReplaceAllFunc(content, func(char []byte) []byte {
		r, _ := utf8.DecodeRune(char)
		return fmt.Appendf(nil, `\u%04x`, r)
	})
	if content, err = sigsyaml.JSONToYAML(content); err != nil || printable.Lines(string(content)) {
		return content, err
	}
	var node yaml.Node
	if err := yaml.Unmarshal(content, &node); err != nil {
		return nil, err
	}
	return encode(&node)
}

// encode returns a node in YAML. A text that is not printable is quoted, so that its escapes are valid.
func encode(node *yaml.Node) ([]byte, error) {
	quoteUnprintable(node)
	return yaml.Marshal(node)
}

func quoteUnprintable(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && !printable.Lines(node.Value) {
		node.Style = yaml.DoubleQuotedStyle
	}
	for _, inner := range node.Content {
		quoteUnprintable(inner)
	}
}
