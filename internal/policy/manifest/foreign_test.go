package manifest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestForeign(t *testing.T) {
	t.Run("a mistake names the field of the version that the user wrote", testMistakeNamesFieldOfVersionThatUserWrote)
	t.Run("what the API server drops is removed with a note each", testWhatAPIServerDropsIsRemovedWithNoteEach)
	t.Run("an object of Impulse stays strict", testObjectOfImpulseStaysStrict)
	t.Run("an unread parameter of KEDA is removed, a credential from the environment is a mistake", testUnreadParameterOfKEDAIsRemoved)
	t.Run("lists of lists are read, and one that contains itself ends", testListsOfListsAreReadAndOneThatContainsItselfEnds)
	t.Run("a copy of an object is bounded", testCopyOfObjectIsBounded)
	t.Run("what is no object says what it may be", testWhatIsNoObjectSaysWhatItMayBe)
}

// lines returns the messages about an object without file, line and column.
func lines(content string) []string {
	var all []string
	for line := range strings.Lines(report("f", content)) {
		_, text, _ := strings.Cut(line, ": ")
		all = append(all, strings.TrimSuffix(text, "\n"))
	}
	return all
}

// expectLines fails if a message that begins so is missing.
func expectLines(t *testing.T, content string, want ...string) {
	t.Helper()
	got := lines(content)
	for _, begin := range want {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, begin) }) {
			t.Errorf("got no message that begins with %q of\n%s\nall are\n%s", begin, content, strings.Join(got, "\n"))
		}
	}
}

// hpa is an HPA of a version with something in its metadata and its spec.
func hpa(version, metadata, spec string) string {
	return "apiVersion: autoscaling/" + version + "\nkind: HorizontalPodAutoscaler\nmetadata: {name: web" + metadata + "}\n" +
		"spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 5" + spec + "}\n"
}

func testMistakeNamesFieldOfVersionThatUserWrote(t *testing.T) {
	const metrics, behavior = "autoscaling.alpha.kubernetes.io/metrics", "autoscaling.alpha.kubernetes.io/behavior"
	expectLines(t, hpa("v1", ", annotations: {"+metrics+`: '[{"type":"Resource","resource":{"name":"gpu","targetAverageUtilization":5}}]'}`, ""),
		"metadata.annotations."+metrics+`[0].resource.name: "gpu" is not measured`)
	expectLines(t, hpa("v1", "", ", targetCPUUtilizationPercentage: 0"), "spec.targetCPUUtilizationPercentage: ")
	expectLines(t, hpa("v1", ", annotations: {"+behavior+`: '{"ScaleDown":{"SelectPolicy":"Never"}}'}`, ""),
		"metadata.annotations."+behavior+`.scaleDown.selectPolicy: "Never" is unknown`)
	expectLines(t, hpa("v1", ", annotations: {"+metrics+": '{', "+behavior+": '['}", ""),
		"warning: metadata.annotations."+metrics+": is no list of metrics, and Kubernetes ignores it",
		"warning: metadata.annotations."+behavior+": is no behavior, and Kubernetes ignores it")
	expectLines(t, hpa("v2beta1", "", ", metrics: [{type: Resource, resource: {name: cpu, targetAverageValue: 1u}}]"),
		"warning: spec.metrics[0].resource.targetAverageValue: 1u is finer than 0.001, and an HPA rounds it up (it is 0.001 here)", "warning: spec.behavior: is missing")
	expectLines(t, hpa("v2", "", ", metrics: [{type: Pods, pods: {metric: {name: a}, target: {averageValue: 0}}}]"), "spec.metrics[0].pods.target.averageValue: must be above 0")
	expectLines(t, hpa("v2beta1", "", ", metrics: [{type: Pods, pods: {metricName: a}}, {type: Object, object: {metricName: a, target: {kind: Service, name: a}}}]"),
		"spec.metrics[0].pods: has no value", "spec.metrics[1].object: has no value")
	expectLines(t, hpa("v2", "", ", minReplicas: 7"), "spec.minReplicas: 7 is above maxReplicaCount, 5")
}

// old is one of KEDA's objects, with something in its spec and the metadata of its trigger.
func old(spec, metadata string) string {
	return "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {name: web, pollingInterval: 5}\n" + spec +
		"  triggers: [{type: prometheus, metadata: {serverAddress: 'http://p:9090', query: q, threshold: 5, " + metadata + "}}]\n"
}

func testWhatAPIServerDropsIsRemovedWithNoteEach(t *testing.T) {
	content := old("  minReplicaCount: '1'\n  cooldownperiod: 5\n  maxReplicaCount: 3\n  maxReplicaCount: 4\n  advanced: {restoreToOriginalReplicaCount: yes}\n",
		"ignoreNullValues: true")
	expectLines(t, content,
		"warning: spec.scaleTargetRef.pollingInterval: is no field of keda.sh/v1alpha1 and has no effect (it was removed)",
		`warning: spec.cooldownperiod: is no field of keda.sh/v1alpha1 and has no effect (it was removed; did you mean "cooldownPeriod"?)`,
		"warning: spec.minReplicaCount: has the wrong type: keda.sh/v1alpha1 refuses it (it is read as 1)",
		"warning: spec.maxReplicaCount: is given twice (the last one counts, as in kubectl)")
	expectLines(t, content+hpa("v1", "", ""), "kind: apiVersion or kind is given twice (a line --- separates two objects)")
	objects, _ := Parse("f", []byte(content))
	if spec := objects[0].ScaledObject.Spec; *spec.MaxReplicaCount != 4 || *spec.MinReplicaCount != 1 || !spec.Advanced.RestoreToOriginalReplicaCount {
		t.Errorf("got minReplicaCount %d, maxReplicaCount %d and restoreToOriginalReplicaCount %t, want 1, 4 and true",
			*spec.MinReplicaCount, *spec.MaxReplicaCount, spec.Advanced.RestoreToOriginalReplicaCount)
	}
}

func testObjectOfImpulseStaysStrict(t *testing.T) {
	content := strings.Replace(old("  minReplicaCount: '1'\n", "metricName: m"), "keda.sh", "impulse.sh", 1)
	expectLines(t, content, "spec.scaleTargetRef.pollingInterval: unknown field", `spec.minReplicaCount: is "1"`,
		"spec.triggers[0].metadata.metricName: is not a parameter of this trigger")
}

func testUnreadParameterOfKEDAIsRemoved(t *testing.T) {
	expectLines(t, old("", "metricName: m, Query: q, namespace: '', password: x"),
		"warning: spec.triggers[0].metadata.metricName: has no effect in KEDA any more",
		`warning: spec.triggers[0].metadata.Query: is no parameter of prometheus and has no effect (it was removed; did you mean "query"?)`,
		"warning: spec.triggers[0].metadata.namespace: is empty",
		"warning: spec.triggers[0].metadata.password: is a credential, which is not read from the metadata")
	withContainer := strings.Replace(old("", "bearerTokenFromEnv: TOKEN, serverAddressFromEnv: SERVER"), "pollingInterval: 5", "envSourceContainerName: app", 1)
	expectLines(t, withContainer, "warning: spec.triggers[0].metadata.serverAddressFromEnv: serverAddress is given as well (it was removed)")
}

func testListsOfListsAreReadAndOneThatContainsItselfEnds(t *testing.T) {
	const one = "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: {maxReplicas: 1, scaleTargetRef: {name: web}}}"
	objects, problems := Parse("f", []byte("kind: List\napiVersion: v1\nitems: [{kind: List, apiVersion: v1, items: ["+one+"]}]\n"))
	if len(objects) != 1 || Failed(problems) {
		t.Errorf("got %d objects and %v, want 1", len(objects), problems)
	}
	Parse("f", []byte("&a {kind: List, apiVersion: v1, items: [*a, *a, *a]}\n"))
}

func testCopyOfObjectIsBounded(t *testing.T) {
	expectLines(t, "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nspec: &a {b: *a}\n", "it nests deeper than 100")
	wide := strings.Repeat("x, ", 999) + "x"
	expectLines(t, "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\na: &a ["+wide+"]\nb: ["+strings.Repeat("*a, ", 300)+"x]\n",
		"it expands to more than 200000 values")
}

func FuzzConvert(f *testing.F) {
	files, err := filepath.Glob("../../../cmd/impulse/testdata/published/*.[yj]*")
	if err != nil || len(files) == 0 {
		f.Fatal("there are no published manifests", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	kinds := builtin.Kinds()
	f.Fuzz(func(t *testing.T, content []byte) {
		objects, _ := Parse("f", content)
		compiled, _ := Compile(objects, kinds)
		for i := range compiled {
			if !compiled[i].Foreign() {
				continue
			}
			converted, err := compiled[i].Rewrite()
			if err != nil {
				t.Fatal(err)
			}
			again, problems := Parse("converted", converted)
			_, more := Compile(again, kinds)
			if len(again) != 1 || Failed(problems) || Failed(more) {
				t.Errorf("got %d objects with %v of\n%s\nwant one without a mistake", len(again), append(problems, more...), converted)
			}
		}
	})
}

func testWhatIsNoObjectSaysWhatItMayBe(t *testing.T) {
	const rendered = "(a template has to be rendered first, as helm template does)"
	for content, want := range map[string]string{
		"{{- if .Values.hpa }}\nkind: ScaledObject\n{{- end }}\n":        "is not YAML: did not find expected node content " + rendered,
		strings.Replace(old("", ""), "{name: web}", "{{ .Name }}", 1):    "a key is not a string " + rendered,
		strings.Replace(hpa("v2", "", ""), "Autoscaler", "Autoscalr", 1): `kind: "HorizontalPodAutoscalr" is not known here (did you mean "HorizontalPodAutoscaler"?)`,
		"kind: ScaledObject\nmetadata: {name: a}\n":                      "apiVersion: is required (such as impulse.sh/v1alpha1, keda.sh/v1alpha1 or autoscaling/v2)",
	} {
		if got := lines(content); !slices.Contains(got, want) {
			t.Errorf("got %q of\n%s\nwant %q", got, content, want)
		}
	}
}
