package manifest

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestManifest(t *testing.T) {
	t.Run("every mistake is reported at once, with its line", testEveryMistakeIsReportedAtOnceWithItsLine)
	t.Run("settings that are probably not meant get a warning, others none", testSettingsThatAreProbablyNotMeantGetWarningOthersNone)
	t.Run("a valid object has no mistakes", testValidObjectHasNoMistakes)
	t.Run("a file that cannot be decoded is reported with the position", testFileThatCannotBeDecodedIsReportedWithPosition)
	t.Run("objects of other kinds are ignored", testObjectsOfOtherKindsAreIgnored)
	t.Run("a number that cannot be stored exactly is refused", testNumberThatCannotBeStoredExactlyIsRefused)
	t.Run("SARIF has every problem with its place", testSARIFHasEveryProblemWithItsPlace)
}

var rewrite = flag.Bool("rewrite", false, "write the golden files in testdata: only commit them if you understand what changed")

// report returns all problems that are reported for a file.
func report(name, content string) string {
	objects, problems := Parse(name, []byte(content))
	_, more := Compile(objects, builtin.Kinds())
	var out strings.Builder
	for _, p := range slices.Concat(problems, more) {
		out.WriteString(p.Error() + "\n")
	}
	return out.String()
}

func testEveryMistakeIsReportedAtOnceWithItsLine(t *testing.T) { compareGolden(t, "mistakes") }

func testSettingsThatAreProbablyNotMeantGetWarningOthersNone(t *testing.T) {
	if got := compareGolden(t, "suspicious"); strings.Count(got, "warning: ") != strings.Count(got, "\n") {
		t.Errorf("got more than warnings:\n%s", got)
	}
}

// compareGolden compares the report of a file in testdata with the golden one.
func compareGolden(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, golden := report(name+".yaml", string(content)), "testdata/"+name+".txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	return got
}

func testValidObjectHasNoMistakes(t *testing.T) {
	const good = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  triggers:
  - {type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: 3}}
`
	if got := report("good.yaml", good); got != "" {
		t.Error(got)
	}
	if got := report("list.yaml", "apiVersion: v1\nkind: List\nitems:\n- "+strings.ReplaceAll(strings.TrimSpace(good), "\n", "\n  ")); got != "" {
		t.Error(got)
	}
}

func testFileThatCannotBeDecodedIsReportedWithPosition(t *testing.T) {
	cases := map[string]string{
		"":                                 "f.yaml: holds no object",
		"# only a comment\n":               "f.yaml: holds no object",
		"a: b\n c: d\n":                    "f.yaml:2:5: is not YAML",
		"- a\n- b\n":                       "f.yaml:1:1: is not an object",
		"kind: Deployment\napiVersion: ''": "f.yaml:2:13: apiVersion",
		"kind: Deployment\napiVersion: impulse.sh/v1":                                  "f.yaml:2:13: apiVersion",
		"kind: ScaledObject\napiVersion: impuls/v1alpha1":                              "f.yaml:2:13: apiVersion",
		"kind: ScaledObject\napiVersion: impulse.sh/v1alpha1\nmetadata: {name: Web_1}": `f.yaml:3:18: metadata.name: "Web_1" is no name in Kubernetes`,
		"kind: ScaledObjekt\napiVersion: impulse.sh/v1alpha1":                          `did you mean "ScaledObject"?`,
		"kind: HorizontalPodAutoscaler\napiVersion: autoscaling/v3":                    "f.yaml:2:13: apiVersion: \"autoscaling/v3\" is not known here (autoscaling/v2, v2beta2, v2beta1 or v1 was expected",
		"kind: ScaledObject\napiVersion: impulse.sh/v1alpha1\nspec: [1]\n":             "f.yaml:3:7: spec: is a list (a map was expected)",
		"kind: ScaledObject\napiVersion: impulse.sh/v1alpha1\nspec: {}\nspec: ":        "f.yaml:4:1: spec: is given twice",
	}
	for content, want := range cases {
		if got := report("f.yaml", content); !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", content, got, want)
		}
	}
}

func testObjectsOfOtherKindsAreIgnored(t *testing.T) {
	const others = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\napiVersion: v1\nkind: Service\n"
	const ours = "---\napiVersion: impulse.sh/v1alpha1\nkind: TriggerAuthentication\nmetadata: {name: prometheus}\n"
	for content, want := range map[string]int{others + ours: 1, others: 0} {
		if objects, problems := Parse("f.yaml", []byte(content)); len(objects) != want || len(problems) > 0 {
			t.Errorf("%d objects, want %d, and %v of\n%s", len(objects), want, problems, content)
		}
	}
	_, problems, err := Load([]string{"-"}, strings.NewReader(others))
	if err != nil || len(problems) != 1 || problems[0].Problem != "holds no object" {
		t.Errorf("files with nothing of ours: %v, %v", problems, err)
	}
}

func testNumberThatCannotBeStoredExactlyIsRefused(t *testing.T) {
	const object = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  advanced:
    horizontalPodAutoscalerConfig: {behavior: {scaleUp: {tolerance: TOLERANCE}}}
    scalingModifiers: {formula: load, target: "TARGET"}
  triggers:
  - {type: prometheus, name: load, metadata: {serverAddress: 'http://prometheus:9090', query: load, threshold: THRESHOLD}}
`
	for _, c := range []struct{ tolerance, target, threshold, want string }{
		{"0.1", "1.5", "0.25", ""},
		{"1e-6", "1m", `"9007199254740.993"`, ""},
		{"1e-9", "1", "1", "behavior.scaleUp.tolerance: 1e-9 is finer than 0.000001, the smallest step that is possible\n"},
		{"10T", "1", "1", "behavior.scaleUp.tolerance: 10T is above 9223372036854.775807, the largest number that is possible\n"},
		{"0.1", "0.0005", "1", "scalingModifiers.target: 0.0005 is finer than 0.001, the smallest step that is possible\n"},
		{"0.1", "1", "0.0005", "f.yaml:12:112: spec.triggers[0].metadata.threshold: 0.0005 is finer than 0.001, the smallest step that is possible\n"},
		{"0.1", "1", "1e-9", "metadata.threshold: 1e-9 is finer than 0.001, the smallest step that is possible\n"},
		{"0.1", "1", "9.3e15", "metadata.threshold: 9.3e15 is above 9223372036854775.807, the largest number that is possible\n"},
		{"0.1", "1", "900719925474099.931", `metadata.threshold: 900719925474099.931 has more digits than the API server keeps of a number (quote it: "900719925474099.931")` + "\n"},
	} {
		got := report("f.yaml", strings.NewReplacer("TOLERANCE", c.tolerance, "TARGET", c.target, "THRESHOLD", c.threshold).Replace(object))
		if c.want == "" && got != "" || !strings.HasSuffix(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c, got, c.want)
		}
	}
}

func testSARIFHasEveryProblemWithItsPlace(t *testing.T) {
	content, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects, problems := Parse("mistakes.yaml", content)
	_, more := Compile(objects, builtin.Kinds())
	problems = append(problems, more...)
	var out strings.Builder
	if err := SARIF(&out, "v1", problems); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal([]byte(out.String()), &log); err != nil {
		t.Fatal(err)
	}
	for i, p := range problems {
		r := log.Runs[0].Results[i]
		at := r.Locations[0].Physical
		if (r.Level == "warning") != p.Warning || !strings.Contains(r.Message.Text, p.Problem) || at.Artifact.URI != p.File || at.Region.Line != p.Line {
			t.Errorf("%s became %+v", p, r)
		}
	}
}

func FuzzParse(f *testing.F) {
	content, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(content))
	f.Add("a: &a [*a]")
	f.Add("\t\t\t\tst\x10")
	f.Add("[\x10")
	f.Add("kind: ScaledObject\napiVersion: impulse.sh/v1alpha1\nspec: &s\n  triggers: *s\n")
	kinds := builtin.Kinds()
	f.Fuzz(func(t *testing.T, content string) {
		objects, problems := Parse("fuzz.yaml", []byte(content))
		compiled, more := Compile(objects, kinds)
		if len(compiled) > 0 && len(objects) == 1 && Failed(slices.Concat(problems, more)) {
			t.Errorf("valid and invalid at once: %v", slices.Concat(problems, more))
		}
	})
}
