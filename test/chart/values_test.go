package chart

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/impulse-sh/impulse/internal/testkit/helm"
)

//go:generate go test . -count=1 -run ^TestValuesTable$ -rewrite

var rewrite = flag.Bool("rewrite", false, "write the table of deploy/chart/README.md")

func TestValues(t *testing.T) {
	t.Parallel()
	t.Run("the schema has every value, and values.yaml every default", testSchemaHasEveryValueAndValuesYAMLEveryDefault)
	t.Run("the schema refuses unknown values and describes the known ones", testSchemaRefusesUnknownValuesAndDescribesKnownOnes)
	t.Run("helm lint finds nothing", testHelmLintFindsNothing)
}

func TestValuesTable(t *testing.T) {
	t.Parallel()
	t.Run("the README has a table of all values", testREADMEHasTableOfAllValues)
}

// node reads a file of the chart as YAML, in its order.
func node(t *testing.T, file string) *yaml.Node {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, helm.Chart, file))
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return document.Content[0]
}

// child returns the value of a key; nil if there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// keys returns the keys of a mapping, in their order.
func keys(n *yaml.Node) []string {
	var all []string
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		all = append(all, n.Content[i].Value)
	}
	return all
}

// value is one value of the chart: its path, its schema, and its default, which is nil if values.yaml does not have it.
type value struct {
	path           string
	schema, preset *yaml.Node
}

// valuesOf returns the values of a schema, in its order. The fields of an object with a fixed set of fields are values of their own.
func valuesOf(path string, schema, preset *yaml.Node) []value {
	properties := child(schema, "properties")
	if properties == nil {
		return []value{{path, schema, preset}}
	}
	var all []value
	for _, name := range keys(properties) {
		if path == "" && name == "global" {
			continue // Of a parent chart.
		}
		all = append(all, valuesOf(strings.TrimPrefix(path+"."+name, "."), child(properties, name), child(preset, name))...)
	}
	return all
}

func testSchemaHasEveryValueAndValuesYAMLEveryDefault(t *testing.T) {
	t.Parallel()
	schema, presets := node(t, "values.schema.json"), node(t, "values.yaml")
	all := valuesOf("", schema, presets)
	if len(all) < 80 {
		t.Errorf("the schema has %d values, want 80 or more", len(all))
	}
	for _, v := range all {
		if v.preset == nil {
			t.Errorf("values.yaml has no default of %s", v.path)
		}
	}
	var compare func(path string, schema, preset *yaml.Node)
	compare = func(path string, schema, preset *yaml.Node) {
		properties := child(schema, "properties")
		if properties == nil {
			return
		}
		for _, name := range keys(preset) {
			if child(properties, name) == nil {
				t.Errorf("the schema does not have %s.%s", path, name)
				continue
			}
			compare(path+"."+name, child(properties, name), child(preset, name))
		}
	}
	compare("", schema, presets)
}

func testSchemaRefusesUnknownValuesAndDescribesKnownOnes(t *testing.T) {
	t.Parallel()
	var unknown, places []string
	var visit func(path string, schema *yaml.Node)
	visit = func(path string, schema *yaml.Node) {
		if path != "" && (child(schema, "description") == nil || !strings.HasSuffix(child(schema, "description").Value, ".")) {
			t.Errorf("the schema does not describe %s in a sentence", path)
		}
		properties := child(schema, "properties")
		if properties == nil {
			return
		}
		unknown = append(unknown, strings.TrimPrefix(path+".noSuchValue=1", "."))
		places = append(places, "at '"+strings.ReplaceAll(path, ".", "/")+"': additional properties 'noSuchValue' not allowed")
		for _, name := range keys(properties) {
			visit(path+"."+name, child(properties, name))
		}
	}
	visit("", node(t, "values.schema.json"))
	message := refuse(t, set(unknown...)...)
	for _, place := range places {
		if !strings.Contains(message, place) {
			t.Errorf("the message lacks %q:\n%s", place, message)
		}
	}
}

// table returns the table of all values.
func table(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("| value | default | meaning |\n|---|---|---|\n")
	for _, v := range valuesOf("", node(t, "values.schema.json"), node(t, "values.yaml")) {
		row(&text, v.path, inline(t, v.preset), v.schema)
		for _, name := range keys(child(child(v.schema, "additionalProperties"), "properties")) {
			row(&text, v.path+".NAME."+name, "", child(child(child(v.schema, "additionalProperties"), "properties"), name))
		}
	}
	return text.String()
}

// row writes a row of the table.
func row(to *strings.Builder, path, preset string, schema *yaml.Node) {
	meaning := child(schema, "description").Value
	if words := child(schema, "enum"); words != nil {
		var all []string
		for _, word := range words.Content {
			all = append(all, "`"+word.Value+"`")
		}
		meaning = strings.TrimSuffix(meaning, ".") + ": " + strings.Join(all, ", ") + "."
	}
	fmt.Fprintf(to, "| `%s` | %s | %s |\n", path, preset, strings.ReplaceAll(meaning, "|", `\|`))
}

// inline returns a default in one line; "" for an empty one.
func inline(t *testing.T, preset *yaml.Node) string {
	t.Helper()
	if preset == nil || preset.Kind == yaml.ScalarNode && preset.Value == "" || preset.Kind != yaml.ScalarNode && len(preset.Content) == 0 {
		return ""
	}
	var v any
	if err := preset.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if v == nil {
		return "`null`"
	}
	flat := *preset
	if flat.Kind != yaml.ScalarNode {
		flat.Style = yaml.FlowStyle
	}
	flat.HeadComment, flat.LineComment, flat.FootComment = "", "", ""
	text, err := yaml.Marshal(&flat)
	if err != nil {
		t.Fatal(err)
	}
	return "`" + strings.Join(strings.Fields(string(text)), " ") + "`"
}

func testREADMEHasTableOfAllValues(t *testing.T) {
	t.Parallel()
	path := filepath.Join(root, helm.Chart, "README.md")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const heading = "\n## Values\n"
	before, _, ok := strings.Cut(string(content), heading)
	if !ok {
		t.Fatalf("%s has no section of values", path)
	}
	want := before + heading + table(t)
	if *rewrite {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(content) != want {
		t.Errorf("the table in %s is stale: run make generate", path)
	}
}

func testHelmLintFindsNothing(t *testing.T) {
	t.Parallel()
	for _, v := range slices.Concat(variants, []variant{{name: "deploy/manifests", values: []string{"--values", "deploy/manifests/values.yaml"}}}) {
		out, err := helm.Run(t, root, append([]string{"lint", "--strict", helm.Chart}, v.values...)...)
		if err != nil || strings.Contains(out, "[WARNING]") || strings.Contains(out, "[ERROR]") {
			t.Errorf("%s: %v\n%s", v.name, err, out)
		}
	}
}
