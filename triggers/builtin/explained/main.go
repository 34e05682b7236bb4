// Command explained writes the trigger types, with all parameters and defaults, into the CRD of ScaledObjects, as the descriptions of
// type and metadata. kubectl explain so.spec.triggers shows them.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: explained CRD")
	}
	crd, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	text, err := render(crd, builtin.Kinds())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], text, 0o600); err != nil {
		log.Fatal(err)
	}
}

// object is a YAML map.
type object = map[string]any

// errNoTriggers is returned for a CRD whose first version has no spec.triggers.
var errNoTriggers = errors.New("the CRD has no spec.triggers with a type and metadata")

// render returns a CRD in which the fields type and metadata of spec.triggers name every kind.
func render(crd []byte, kinds []triggers.Kind) ([]byte, error) {
	var d object
	if err := yaml.Unmarshal(crd, &d); err != nil {
		return nil, fmt.Errorf("read the CRD: %w", err)
	}
	spec, _ := d["spec"].(object)
	versions, _ := spec["versions"].([]any)
	if len(versions) == 0 {
		return nil, errNoTriggers
	}
	trigger := below(versions[0], "schema", "openAPIV3Schema", "properties", "spec", "properties", "triggers", "items", "properties")
	kind, metadata := below(trigger, "type"), below(trigger, "metadata")
	if kind == nil || metadata == nil {
		return nil, errNoTriggers
	}
	kinds = slices.SortedFunc(slices.Values(kinds), func(a, b triggers.Kind) int { return strings.Compare(a.Name, b.Name) })
	kind["description"], metadata["description"] = types(kinds), parameters(kinds)
	text, err := yaml.Marshal(d)
	return append([]byte("---\n"), text...), err
}

// below returns the object at a path of keys; nil if there is none.
func below(node any, keys ...string) object {
	for _, key := range keys {
		o, _ := node.(object)
		node = o[key]
	}
	found, _ := node.(object)
	return found
}

// types returns the description of the field type.
func types(kinds []triggers.Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return "Type is the kind of trigger: " + strings.Join(names, ", ") + "."
}

// parameters returns the description of the field metadata: a paragraph for each kind, and a line for each parameter.
func parameters(kinds []triggers.Kind) string {
	var w strings.Builder
	w.WriteString("Metadata has the parameters of the type: strings, numbers or booleans. An unknown parameter is a mistake, except for external, external-push and the types that the KEDA bridge serves.\n")
	var bridged []string
	for _, k := range kinds {
		if k.Requires != "" {
			bridged = append(bridged, k.Name)
			continue
		}
		fmt.Fprintf(&w, "\n%s: %s\n", k.Name, k.Summary)
		for _, f := range k.Fields {
			standard := ""
			switch {
			case f.Required:
				standard = ", required"
			case f.Default != "":
				standard = ", default " + f.Default
			}
			fmt.Fprintf(&w, "- %s (%s%s): %s\n", f.Key, f.Type, standard, f.Doc)
		}
		if len(k.Auth) > 0 {
			names := make([]string, len(k.Auth))
			for i, a := range k.Auth {
				names[i] = a.Name
			}
			fmt.Fprintf(&w, "- from its authenticationRef: %s\n", strings.Join(names, ", "))
		}
	}
	if len(bridged) > 0 {
		fmt.Fprintf(&w, "\nThe KEDA bridge serves these types, which have KEDA's parameters: %s.\n", strings.Join(bridged, ", "))
	}
	return strings.TrimSpace(w.String())
}
