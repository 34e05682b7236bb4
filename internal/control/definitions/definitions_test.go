package definitions

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestDefinitions(t *testing.T) {
	t.Run("the definitions of this version have every field", testDefinitionsOfThisVersionHaveEveryField)
	t.Run("a newer definition has fields that this version does not know", testNewerDefinitionHasFieldsThatThisVersionDoesNotKnow)
	t.Run("older definitions lack the fields that were added since", testOlderDefinitionsLackFieldsThatWereAddedSince)
}

// schemas returns the schemas of the definitions in a folder, by the name of the definition.
func schemas(t *testing.T, folder string) map[string]schema {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no definition: %v", folder, err)
	}
	all := map[string]schema{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var definition struct {
			Metadata struct{ Name string }
			Spec     struct {
				Versions []struct {
					Schema struct {
						OpenAPIV3Schema schema `json:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.Unmarshal(content, &definition); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[definition.Metadata.Name] = definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return all
}

// fieldsMissingIn returns what the definitions of a folder lack, by the name of the definition.
func fieldsMissingIn(t *testing.T, folder string) map[string][]string {
	t.Helper()
	found, all := schemas(t, folder), map[string][]string{}
	for _, kind := range kinds() {
		name := strings.ToLower(kind.Name()) + "s.impulse.sh"
		if in, ok := found[name]; ok {
			all[name] = missing(kind, &in, "")
		}
	}
	return all
}

func testDefinitionsOfThisVersionHaveEveryField(t *testing.T) {
	all := fieldsMissingIn(t, "../../../deploy/crds")
	if len(all) != len(kinds()) {
		t.Errorf("%d definitions were compared, want %d", len(all), len(kinds()))
	}
	for name, fields := range all {
		if len(fields) > 0 {
			t.Errorf("%s lacks %q, want no field", name, fields)
		}
	}
	for _, kind := range kinds() {
		in := schemas(t, "../../../deploy/crds")[strings.ToLower(kind.Name())+"s.impulse.sh"]
		if fields := extra(kind, &in, ""); len(fields) > 0 {
			t.Errorf("%s has %q beside its fields, want none", kind, fields)
		}
	}
}

func testNewerDefinitionHasFieldsThatThisVersionDoesNotKnow(t *testing.T) {
	in := schemas(t, "../../../deploy/crds")["scaledobjects.impulse.sh"]
	in.Properties["spec"].Properties["newer"] = schema{Properties: map[string]schema{"below": {}}}
	in.Properties["spec"].Properties["triggers"].Items.Properties["later"] = schema{}
	if got, want := strings.Join(extra(kinds()[0], &in, ""), " "), "spec.newer spec.triggers.later"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func testOlderDefinitionsLackFieldsThatWereAddedSince(t *testing.T) {
	all := fieldsMissingIn(t, "../../../test/e2e/testdata/first-crds")
	for name, want := range map[string][]string{
		"scaledobjects.impulse.sh": {"spec.dryRun", "spec.shadow", "spec.triggers.cap", "status.history"},
		"alertsets.impulse.sh":     {"alerts.level"},
	} {
		for _, field := range want {
			if !slices.Contains(all[name], field) {
				t.Errorf("%s lacks %q, want %s among them", name, all[name], field)
			}
		}
	}
	if slices.Contains(all["scaledobjects.impulse.sh"], "spec.shadow.triggers") {
		t.Error("a field below a missing one is listed, too")
	}
}
