package manifest

import (
	"errors"
	"fmt"

	sigsyaml "sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
)

// Conversion is what an object of KEDA, or an HPA, is converted to.
type Conversion struct {
	// YAML is the object as Rewrite returns it, with the notes as comments; JSON is the same object.
	YAML, JSON []byte
	// Notes has what was removed or differs.
	Notes []diag.Error
}

// errNotOne is returned for a text that has no object, or several.
var errNotOne = errors.New("it is no object that can be converted")

// Convert converts one foreign object from its text, as `impulse convert` does. If it has mistakes, Convert returns them and no conversion.
func Convert(content []byte, known []triggers.Kind, settings compile.Settings) (*Conversion, []diag.Error, error) {
	objects, problems := Parse("", content)
	if len(objects) == 1 && objects[0].ScaledObject != nil {
		_, mistakes := objects[0].Compile(known, settings)
		problems = append(problems, mistakes...)
	}
	switch {
	case Failed(problems):
		return nil, problems, nil
	case len(objects) != 1:
		return nil, nil, errNotOne
	}
	text, err := objects[0].Rewrite()
	if err != nil {
		return nil, nil, err
	}
	json, err := sigsyaml.YAMLToJSON(text)
	if err != nil {
		return nil, nil, fmt.Errorf("write %s as JSON: %w", objects[0].name(), err)
	}
	return &Conversion{YAML: text, JSON: json, Notes: objects[0].Notes()}, nil, nil
}
