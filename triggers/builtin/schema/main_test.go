package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestSchema(t *testing.T) {
	t.Run("the schema is not stale", testSchemaIsNotStale)
	t.Run("the examples are valid and name the schema", testExamplesAreValidAndNameSchema)
	t.Run("mistakes are found while they are written", testMistakesAreFoundWhileTheyAreWritten)
}

const (
	crd  = "../../../deploy/crds/impulse.sh_scaledobjects.yaml"
	file = "../../../deploy/schemas/scaledobject.json"
)

func testSchemaIsNotStale(t *testing.T) {
	content, err := os.ReadFile(crd)
	if err != nil {
		t.Fatal(err)
	}
	want, err := render(content, builtin.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("deploy/schemas/scaledobject.json is stale: run make generate")
	}
}

// validate returns the errors of a YAML text in the schema; nil for none.
func validate(t *testing.T, text string) error {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance)
}

func testExamplesAreValidAndNameSchema(t *testing.T) {
	paths, err := filepath.Glob("../../../deploy/examples/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(content), "# yaml-language-server: $schema=../schemas/scaledobject.json\n") {
			t.Errorf("%s does not name the schema", path)
		}
		first, _, _ := strings.Cut(string(content), "\n---")
		if err := validate(t, first); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func testMistakesAreFoundWhileTheyAreWritten(t *testing.T) {
	const good = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleUp: {tolerance: 0.05}}}}
  triggers:
  - {type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: "3"}}
`
	if err := validate(t, good); err != nil {
		t.Error(err)
	}
	for old, wrong := range map[string]string{
		"kind: ScaledObject": "kind: ScaledObjekt", "spec:\n": "spec:\n  cooldown: 3\n", "type: cron": "type: corn",
		"desiredReplicas": "desiredReplica", "timezone: Etc/UTC, ": "", `"3"`: "[3]", "scaleUp": "scaleup", "scaleTargetRef: {name": "scaleTargetRef: {names",
	} {
		if err := validate(t, strings.Replace(good, old, wrong, 1)); err == nil {
			t.Errorf("%q instead of %q is valid", wrong, old)
		}
	}
}
