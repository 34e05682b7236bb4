package docs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/impulse-sh/impulse/internal/policy/manifest"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestObjects(t *testing.T) {
	t.Run("every object of every page is valid", testEveryObjectOfEveryPageIsValid)
	t.Run("a mistake in a block is found", testMistakeInBlockIsFound)
}

// otherGroups are the API groups of objects in the pages that are not known here. test/chart applies those of the Prometheus operator.
var otherGroups = []string{"argoproj.io", "monitoring.coreos.com"}

// expected are parts of the warnings that an example may cause: they are worth saying each time, or about what is not on the page.
var expected = []string{"memory rarely scales down", "the KEDA bridge", "it must be in the cluster", "spec.behavior: is missing: an HPA may"}

func testEveryObjectOfEveryPageIsValid(t *testing.T) {
	found := 0
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			form, file, _ := strings.Cut(b.info, " ")
			if form != "yaml" || coveredForms[b.info] != "" && file != "" && file != "fragment" || strings.HasSuffix(file, ".test.yaml") {
				continue
			}
			found++
			for _, problem := range checkBlock(b, file) {
				t.Errorf("%s:%d: %s", page, b.line, problem)
			}
		}
	}
	if found < 60 {
		t.Errorf("found %d blocks of objects, want 60 or more", found)
	}
}

// checkBlock returns the mistakes in a block. A file whose name begins with "wrong" must have one.
func checkBlock(b block, file string) []string {
	switch mistakes := mistakesIn(b); {
	case file == "fragment":
		if err := yaml.Unmarshal([]byte(b.text), new(any)); err != nil {
			return []string{err.Error()}
		}
		return nil
	case !strings.HasPrefix(file, "wrong"):
		return mistakes
	case len(mistakes) == 0:
		return []string{"nothing is wrong with " + file}
	default:
		return nil
	}
}

func testMistakeInBlockIsFound(t *testing.T) {
	const scaled = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {name: web}\n  triggers:\n"
	for text, want := range map[string]string{
		scaled + "  - {type: push, metadata: {treshold: 1}}\n":                                              "treshold",
		"triggers:\n- {type: push, metadata: {treshold: 1}}\n":                                              "treshold",
		"type: push\nmetadata: {treshold: 1}\n":                                                             "treshold",
		"apiVersion: impulse.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: a}\nspec: {en: []}": "en",
		"apiVersion: v1\nkind: Service\nmetadata: {nam: a}\n":                                               "nam",
		"apiVersion: example.org/v1\nkind: Thing\n":                                                         "example.org",
		"global: {}\n": "yaml fragment",
	} {
		if got := strings.Join(mistakesIn(block{text: text}), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want a mistake with %q", text, got, want)
		}
	}
}

// mistakesIn returns the mistakes in the objects of a block. Parts of objects are completed: a list of triggers, and a trigger.
func mistakesIn(b block) (mistakes []string) {
	var ours []string
	for document := range strings.SplitSeq("\n"+b.text, "\n---") {
		var head struct{ APIVersion, Kind, Type string }
		var content map[string]any
		if err := yaml.Unmarshal([]byte(document), &content); err != nil {
			return []string{err.Error()}
		}
		_ = yaml.Unmarshal([]byte(document), &head) // Its fields may be of other types in what is no object.
		group, _, _ := strings.Cut(head.APIVersion, "/")
		switch {
		case group == "impulse.sh", group == "keda.sh", head.Kind == "HorizontalPodAutoscaler":
			ours = append(ours, document)
		case content["triggers"] != nil && head.APIVersion == "":
			ours = append(ours, completed(len(ours), content["triggers"]))
		case head.Type != "" && head.APIVersion == "":
			ours = append(ours, completed(len(ours), []any{content}))
		case head.APIVersion == "":
			mistakes = append(mistakes, "this is no object: a block of the form `yaml fragment` may be a part of a file")
		case !slices.Contains(otherGroups, group):
			strict := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
			if _, _, err := strict.Decode([]byte(document), nil, nil); err != nil {
				mistakes = append(mistakes, err.Error())
			}
		}
	}
	objects, problems := manifest.Parse("block", []byte(strings.Join(ours, "\n---")))
	_, more := manifest.Compile(objects, builtin.Kinds())
	for _, p := range slices.Concat(problems, more) {
		if len(ours) > 0 && !slices.ContainsFunc(expected, func(part string) bool { return strings.Contains(p.Error(), part) }) {
			mistakes = append(mistakes, p.Error())
		}
	}
	return mistakes
}

// completed returns a ScaledObject with triggers. n makes its name and that of its target.
func completed(n int, triggers any) string {
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "impulse.sh/v1alpha1", "kind": "ScaledObject", "metadata": map[string]any{"name": fmt.Sprintf("part-%d", n)},
		"spec": map[string]any{"scaleTargetRef": map[string]any{"name": fmt.Sprintf("part-%d", n)}, "minReplicaCount": 1, "triggers": triggers},
	})
	if err != nil {
		return err.Error()
	}
	return "\n" + string(text)
}
