package manifest

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestMerge(t *testing.T) {
	t.Run("merged maps are decoded as kubectl decodes them", testMergedMapsAreDecodedAsKubectlDecodesThem)
	t.Run("an invalid merge is reported with its position", testInvalidMergeIsReportedWithItsPosition)
}

// kubectl resolves merges before the API server gets an object, so << is no unknown field here either.
func testMergedMapsAreDecodedAsKubectlDecodesThem(t *testing.T) {
	const text = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  <<: {minReplicaCount: 2, maxReplicaCount: 9}
  scaleTargetRef: {name: web}
  maxReplicaCount: 7
  triggers:
  - {type: prometheus, name: first, metadata: &first {serverAddress: http://p:9090, query: up, threshold: 10}}
  - {type: prometheus, name: second, metadata: &second {threshold: 5, <<: *first}}
  - {type: prometheus, name: third, metadata: {query: rate, <<: [*second, *first]}}
  - <<: &fourth {type: prometheus, metadata: *first}
    name: fourth
  - {<<: *fourth, name: fifth}
`
	objects, problems := Parse("web.yaml", []byte(text))
	if len(objects) != 1 || len(problems) > 0 {
		t.Fatalf("%d objects, %v", len(objects), problems)
	}
	if _, problems = objects[0].Compile(builtin.Kinds(), compile.DefaultSettings()); len(problems) > 0 {
		t.Error(problems)
	}
	spec := objects[0].ScaledObject.Spec
	if *spec.MinReplicaCount != 2 || *spec.MaxReplicaCount != 7 {
		t.Errorf("%d to %d replicas, want 2 to 7", *spec.MinReplicaCount, *spec.MaxReplicaCount)
	}
	for i, want := range []string{"up 10", "up 5", "rate 5", "up 10", "up 10"} {
		m := spec.Triggers[i].Metadata
		if got := string(m["query"] + " " + m["threshold"]); got != want || m["serverAddress"] == "" {
			t.Errorf("%s has %q, want %q", spec.Triggers[i].Name, got, want)
		}
	}
}

func testInvalidMergeIsReportedWithItsPosition(t *testing.T) {
	const head = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {name: web}\n"
	for metadata, want := range map[string]string{
		"{<<: 5, value: 60}":             "spec.triggers[0].metadata: << merges what is neither a map nor a list of maps",
		"{<<: [{value: 60}, a]}":         "spec.triggers[0].metadata: << merges what is neither a map nor a list of maps",
		"&m {<<: *m, value: 60}":         "spec.triggers[0].metadata: << merges more than 1000 keys",
		"{<<: {value: 60, valeu: 60}}":   "spec.triggers[0].metadata.valeu: is not a parameter of this trigger",
		`{"<<": {value: 60}, value: 60}`: "spec.triggers[0].metadata.<<: is neither a string nor a number nor a boolean",
		"{value: 60, <<: {}, value: 50}": "spec.triggers[0].metadata.value: is given twice",
		"{<<: [], value: 60, extra: 1}":  "spec.triggers[0].metadata.extra: is not a parameter of this trigger",
	} {
		got := report("f", head+"  triggers: [{type: cpu, metadata: "+metadata+"}]\n")
		if first, _, _ := strings.Cut(got, "\n"); !strings.HasPrefix(first, "f:6:") || !strings.Contains(first, want) {
			t.Errorf("%s: got\n%s, want %q on line 6", metadata, got, want)
		}
	}
}
