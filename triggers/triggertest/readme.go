package triggertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/triggers"
)

// Sections returns the headings of a kind's README, in their order. The title and a description come before them.
func Sections() []string {
	return []string{"Parameters", "Example", "Behaviour", "What is unknown", "How to try it"}
}

// readmeIsRight checks that the title contains the type, that the sections are complete, that each field is in the table of
// parameters, and that the example decodes.
func readmeIsRight(_ testing.TB, s subject) error {
	content, err := os.ReadFile(s.readme)
	if err != nil {
		return err
	}
	title, headings, body := outline(string(content))
	var all []error
	if !slices.Contains(strings.Split(title, ", "), s.kind.Name) {
		all = append(all, fmt.Errorf("the title is %q, not %q", title, s.kind.Name))
	}
	if !slices.Equal(headings, Sections()) {
		all = append(all, fmt.Errorf("the sections are %q, not %q", headings, Sections()))
	}
	for _, f := range s.kind.Fields {
		if !strings.Contains(body["Parameters"], "| `"+f.Key+"` |") {
			all = append(all, fmt.Errorf("the table of parameters has no row for `%s`", f.Key))
		}
	}
	return errors.Join(append(all, examples(s.kind, body["Example"]))...)
}

// outline splits a README at its headings of the second level.
func outline(text string) (title string, headings []string, body map[string]string) {
	body = map[string]string{}
	current, fenced := "", false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		heading, ok := strings.CutPrefix(line, "## ")
		switch {
		case ok && !fenced:
			current = strings.TrimSpace(heading)
			headings = append(headings, current)
		case title == "" && strings.HasPrefix(line, "# "):
			title = strings.TrimSpace(line[2:])
		default:
			body[current] += line
		}
	}
	return title, headings, body
}

// examples decodes every trigger of the kind in the YAML blocks of a section. It fails if there is none.
func examples(kind triggers.Kind, section string) error {
	found := 0
	for _, block := range strings.Split(section, "```yaml\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for document := range strings.SplitSeq("\n"+block, "\n---\n") {
			var tree any
			if err := yaml.Unmarshal([]byte(document), &tree, asWritten); err != nil {
				return fmt.Errorf("the example is not YAML: %w", err)
			}
			for _, metadata := range triggersOf(kind.Name, tree) {
				found++
				if _, err := kind.Decode(metadata); err != nil {
					return fmt.Errorf("the example does not decode: %w", err)
				}
			}
		}
	}
	if found == 0 {
		return fmt.Errorf("no YAML block has a trigger with type: %s", kind.Name)
	}
	return nil
}

// asWritten decodes numbers as text.
func asWritten(d *json.Decoder) *json.Decoder {
	d.UseNumber()
	return d
}

// triggersOf returns the metadata of every trigger of a type in a YAML tree.
func triggersOf(kind string, tree any) []map[string]string {
	var all []map[string]string
	switch node := tree.(type) {
	case []any:
		for _, child := range node {
			all = append(all, triggersOf(kind, child)...)
		}
	case map[string]any:
		values, ok := node["metadata"].(map[string]any)
		if node["type"] == kind && ok {
			metadata := map[string]string{}
			for key, value := range values {
				metadata[key] = fmt.Sprint(value)
			}
			return append(all, metadata)
		}
		for _, child := range node {
			all = append(all, triggersOf(kind, child)...)
		}
	}
	return all
}
