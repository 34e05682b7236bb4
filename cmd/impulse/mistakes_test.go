package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMistakes(t *testing.T) {
	t.Run("every mistake in a test is reported at once, with its line", testEveryMistakeInTestIsReportedAtOnceWithItsLine)
	t.Run("mistakes in fallback and formula are reported", testMistakesInFallbackAndFormulaAreReported)
	t.Run("a mistake in an object has a suggestion", testMistakeInObjectHasSuggestion)
	t.Run("a file without tests is refused", testFileWithoutTestsIsRefused)
}

func testEveryMistakeInTestIsReportedAtOnceWithItsLine(t *testing.T) {
	t.Chdir("testdata/mistakes")
	code, out, errs := impulse(t, "", "test", "mistakes.test.yaml")
	if code != 2 || out != "" {
		t.Errorf("got exit code %d, want 2; output %s", code, out)
	}
	golden(t, "mistakes.txt", errs)
}

func testMistakesInFallbackAndFormulaAreReported(t *testing.T) {
	t.Chdir("testdata/mistakes")
	code, out, errs := impulse(t, "", "check", "fallback.yaml")
	if code != 1 || errs != "" {
		t.Errorf("got exit code %d, want 1; output %s", code, errs)
	}
	golden(t, "fallback.txt", out)
}

func testFileWithoutTestsIsRefused(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("object.yaml", []byte("apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const good = "tests: [{scaledObject: {apiVersion: impulse.sh/v1alpha1, kind: ScaledObject, metadata: {name: x}, spec: {scaleTargetRef: {name: x}, " +
		"triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: 3}}]}}, expect: [{at: 0s, replicas: 0}]}]"
	for name, c := range map[string]struct {
		content string
		args    []string
		want    string
	}{
		"a missing file":          {args: []string{"absent.test.yaml"}, want: "absent.test.yaml: there is no such file"},
		"a folder":                {args: []string{dir}, want: dir + ": is a folder: name the files in it, such as " + filepath.Join(dir, "*.test.yaml")},
		"an empty file":           {content: "", want: "-: holds no test"},
		"a comment":               {content: "# nothing\n", want: "-: holds no test"},
		"no tests":                {content: "tests: []\n", want: "-: holds no test"},
		"tests that are no list":  {content: "tests: {}\n", want: "-:1:8: tests: is a map (a list was expected)"},
		"an object":               {args: []string{"object.yaml"}, want: `object.yaml:1:1: apiVersion: unknown field (known are tests)`},
		"a list":                  {content: "- a\n", want: "-:1:1: is a list (a map with tests was expected)"},
		"a text":                  {content: "tests\n", want: `-:1:1: is "tests" (a map with tests was expected)`},
		"no YAML":                 {content: "tests:\n- name: a\n   b: c\n", want: "-:3:7: is not YAML: mapping values are not allowed in this context"},
		"no JSON":                 {content: `{"tests": [{"name": "a" "b": 1}]}`, want: "-:1:33: is not YAML: did not find expected"},
		"binary":                  {content: "\x00\x01", want: "-:1:1: is not YAML: control characters are not allowed"},
		"a misspelt tests":        {content: "test: []\n", want: `-:1:1: test: unknown field (did you mean "tests"?)`},
		"a value of no test":      {content: "tests: [1]\n", want: `-:1:9: tests[0]: is "1" (a map with `},
		"tests given twice":       {content: good + "\n" + good, want: "-:2:1: tests: is given twice"},
		"a name that none has":    {content: good, args: []string{"-", "--run", "absent"}, want: "--run absent: no test has such a name"},
		"no regular expression":   {content: good, args: []string{"-", "--run", "("}, want: "--run: error parsing regexp"},
		"an output that is none":  {content: good, args: []string{"-", "-o", "xml"}, want: `--output is "xml": expected text, json, yaml or junit`},
		"no file at all":          {args: []string{"--"}, want: "name a file; - is standard input"},
		"a flag that is none":     {args: []string{"-", "--verbos"}, want: "unknown flag: --verbos"},
		"a file that is too long": {content: strings.Repeat("#", 32<<20+1), want: "-: is larger than 33554432 bytes"},
		"aliases without an end": {
			content: "tests: &t [*t]\n", want: "-:1:8: tests[0]: is a list (a map with",
		},
		"aliases that explode": {
			content: "tests:\n- &t {inputs: &i [" + strings.Repeat("{trigger: a, values: 1},", 2000) + "]}\n" + strings.Repeat("- *t\n", 5000),
			want:    "its aliases expand to more than 5000000 values",
		},
		"maps merged into themselves": {content: "tests: [&t {<<: *t}]\n", want: "tests[0]: << merges more than 1000 keys"},
	} {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if args == nil {
				args = []string{"-"}
			}
			code, out, errs := impulse(t, c.content, append([]string{"test"}, args...)...)
			if code != 2 || out != "" || !strings.Contains(errs, c.want) {
				t.Errorf("exit code %d, %.2000s%.2000s\nexpected %s", code, out, errs, c.want)
			}
		})
	}
	if code, out, errs := impulse(t, good, "test", "-"); code != 0 || out != "1 passed\n" {
		t.Errorf("the good one: got exit code %d, want 0; output %s%s", code, out, errs)
	}
}

func testMistakeInObjectHasSuggestion(t *testing.T) {
	const object = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\nspec:\n  scaleTargetRef: {name: web}\n"
	for spec, want := range map[string]string{
		"  triggers: [{type: sqs, metadata: {}}]\n":                                      `unknown trigger type "sqs" (did you mean "aws-sqs-queue"?)`,
		"  triggers: [{type: wxyzwxyz, metadata: {}}]\n":                                 "(known are alertmanager, apache-kafka, cpu, cron, external, ",
		"  triggers: [{tpye: cron, metadata: {}}]\n":                                     "spec.triggers[0].type: is required (such as prometheus)",
		"  minReplicaCount: 120\n  triggers: [{type: push, metadata: {threshold: 1}}]\n": "120 is above maxReplicaCount, 100 (the default)",
		"  cooldownPeriod: 30s\n  triggers: [{type: push, metadata: {threshold: 1}}]\n":  `spec.cooldownPeriod: is "30s" (a whole number of seconds was expected)`,
	} {
		if code, out, errs := impulse(t, object+spec, "check", "-"); code != 1 || errs != "" || !strings.Contains(out, want) {
			t.Errorf("%s: got exit code %d, %s%s, want %s", spec, code, out, errs, want)
		}
	}
}
