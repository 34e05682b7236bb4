package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestExplained(t *testing.T) {
	t.Run("the types in the CRD are not stale", testTypesInCRDAreNotStale)
	t.Run("the types are written with every parameter and default", testTypesAreWrittenWithEveryParameterAndDefault)
	t.Run("every field of the spec is described with its default", testEveryFieldOfSpecIsDescribedWithItsDefault)
}

func readCRD(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile("../../../deploy/crds/impulse.sh_scaledobjects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func testTypesInCRDAreNotStale(t *testing.T) {
	got := readCRD(t)
	want, err := render(got, builtin.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("deploy/crds is stale: run make generate")
	}
}

func testTypesAreWrittenWithEveryParameterAndDefault(t *testing.T) {
	const crd = "spec: {versions: [{schema: {openAPIV3Schema: {properties: {spec: {properties: {triggers: {items: {properties: {type: {}, metadata: {}}}}}}}}}}]}"
	text, err := render([]byte(crd), builtin.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	var d object
	if err := yaml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, k := range builtin.Kinds() {
		if !strings.Contains(string(text), k.Name) {
			t.Errorf("%s is not named", k.Name)
		}
	}
	page := parameters(builtin.Kinds())
	for _, line := range []string{
		"\ncron: A number of replicas between two times of a schedule.\n- timezone (text, required): ",
		"\n- ttl (duration, default 12h0m0s): How long after its last delivery an alert becomes stale",
		"\n- from its authenticationRef: authModes, authMode, bearerToken, token, username, password, oauthTokenURI, ",
	} {
		if !strings.Contains(page, line) {
			t.Errorf("%q is not in\n%s", line, page)
		}
	}
	if _, err := render([]byte("spec: {versions: [{}]}"), nil); err == nil {
		t.Error("a CRD without triggers is rendered")
	}
}

// Every field of the spec has a description and a default.
func testEveryFieldOfSpecIsDescribedWithItsDefault(t *testing.T) {
	var d object
	if err := yaml.Unmarshal(readCRD(t), &d); err != nil {
		t.Fatal(err)
	}
	spec, _ := d["spec"].(object)
	versions, _ := spec["versions"].([]any)
	fields := 0
	var walk func(path string, schema object)
	walk = func(path string, schema object) {
		fields++
		description, _ := schema["description"].(string)
		if description == "" {
			t.Errorf("%s has no description", path)
		}
		if value, ok := schema["default"]; ok && !strings.Contains(description, fmt.Sprintf("Default: %v.", value)) {
			t.Errorf("%s does not say its default, %v: %s", path, value, description)
		}
		properties := below(schema, "properties")
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			walk(path+"."+name, below(properties, name))
		}
		items := below(schema, "items", "properties")
		for _, name := range slices.Sorted(maps.Keys(items)) {
			walk(path+"[]."+name, below(items, name))
		}
	}
	walk("spec", below(versions[0], "schema", "openAPIV3Schema", "properties", "spec"))
	if fields < 80 {
		t.Errorf("only %d fields were found", fields)
	}
}
