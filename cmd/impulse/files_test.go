package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestFiles(t *testing.T) {
	t.Run("every command reports the mistakes in its file", testEveryCommandReportsMistakesInItsFile)
	t.Run("a negative result of a formula is unknown and lowers nothing", testNegativeResultOfFormulaIsUnknownAndLowersNothing)
	t.Run("a file that is not read is not reported as valid", testFileThatIsNotReadIsNotReportedAsValid)
	t.Run("check warns about a pause that has ended", testCheckWarnsAboutPauseThatHasEnded)
	t.Run("check reads files of sinks as well, and other commands say that they hold no object", testCheckReadsFilesOfSinks)
	t.Run("flags without an effect are refused", testFlagsWithoutEffectAreRefused)
}

// Every command with file arguments reports a mistake in a file: what it is, where, and what was expected.
func testEveryCommandReportsMistakesInItsFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	const object = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: x}\nspec:\n  scaleTargetRef: {name: x}\n" +
		"  triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: 3}}]\n"
	for name, content := range map[string]string{
		"empty.yaml": "", "kind.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n", "torn.yaml": "kind: ScaledObject\n  metadata: {}\n",
		"key.yaml": object + "  minReplicaCuont: 1\n", "good.yaml": object, "load.csv": "time,value\n0,1\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wrong := map[string]string{
		"absent.yaml": "absent.yaml: there is no such file", "folder": "folder: there is no .yaml, .yml or .json file in it",
		"empty.yaml": "empty.yaml: holds no object (a ScaledObject, an object of KEDA or a HorizontalPodAutoscaler was expected)",
		"kind.yaml":  "kind.yaml: holds no object (a ScaledObject, an object of KEDA or a HorizontalPodAutoscaler was expected)",
		"torn.yaml":  "torn.yaml:2:14: is not YAML: mapping values are not allowed in this context",
		"key.yaml":   `key.yaml:7:3: spec.minReplicaCuont: unknown field (did you mean "minReplicaCount"?)`,
	}
	for _, command := range []string{"check", "convert", "simulate --input load.csv", "explain --input load.csv"} {
		for file, want := range wrong {
			code, out, errs := impulse(t, "", append(strings.Fields(command), "./"+file)...)
			unread := file == "absent.yaml" || file == "folder" || strings.Contains(command, "--input")
			if (code == 2) != unread || code == 0 || !strings.Contains(out+errs, want) {
				t.Errorf("%s %s: exit code %d, %s%swant %s", command, file, code, out, errs, want)
			}
		}
	}
	for input, want := range map[string]string{
		"absent.csv": "absent.csv: no such file", "folder": "folder: is a directory", "empty.yaml": "there are no rows",
	} {
		code, out, errs := impulse(t, "", "simulate", "good.yaml", "--input", input)
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("--input %s: exit code %d, %s%swant %s", input, code, out, errs, want)
		}
	}
}

func testNegativeResultOfFormulaIsUnknownAndLowersNothing(t *testing.T) {
	const tests = `
tests:
- name: less than nothing
  scaledObject:
    apiVersion: impulse.sh/v1alpha1
    kind: ScaledObject
    metadata: {name: x}
    spec:
      scaleTargetRef: {name: x}
      minReplicaCount: 1
      cooldownPeriod: 0
      advanced: {scalingModifiers: {formula: rps - 100, target: "10"}}
      triggers: [{type: prometheus, name: rps, metadata: {serverAddress: http://p:9090, query: rps, threshold: 10}}]
  replicas: 4
  inputs: [{trigger: rps, values: 40 101}]
  expect: [{at: 14s, replicas: 4}, {at: 15s, replicas: 1}]
`
	if code, out, errs := impulse(t, tests, "test", "-"); code != 0 {
		t.Errorf("got exit code %d, want 0; output %s%s", code, out, errs)
	}
}

func testFileThatIsNotReadIsNotReportedAsValid(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("bad.yaml", []byte("kind: ScaledObject\n  metadata: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, shown := range map[string]string{
		"check nosuch": "", "check nosuch -o json": "", "check nosuch -o sarif": "",
		"check nosuch bad.yaml": "bad.yaml:2:14: is not YAML: mapping values are not allowed in this context\n",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 2 || out != shown || !strings.Contains(errs, "nosuch: there is no such file") {
			t.Errorf("%s: got exit code %d, want 2; output %q, %s; want nosuch: there is no such file", args, code, out, errs)
		}
	}
}

func testCheckWarnsAboutPauseThatHasEnded(t *testing.T) {
	const object = "apiVersion: impulse.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: x, annotations: {impulse.sh/paused: 'true', impulse.sh/paused-until: '%s'}}\n" +
		"spec: {scaleTargetRef: {name: x}, triggers: [{type: cron, metadata: {timezone: Etc/UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: 3}}]}\n"
	const past = "-:3:87: warning: metadata.annotations.impulse.sh/paused-until: is in the past: the object is not paused"
	for until, want := range map[string]string{"2026-01-01T00:00:00Z": past, time.Now().Add(time.Hour).Format(time.RFC3339): ""} {
		code, out, errs := impulse(t, fmt.Sprintf(object, until), "check", "-")
		if code != 0 || errs != "" || !strings.HasPrefix(out, want) || want == "" && out != "1 ScaledObject is valid\n" {
			t.Errorf("%s: got exit code %d, %s%s, want %q", until, code, out, errs, want)
		}
	}
}

func testFlagsWithoutEffectAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"simulate a.yaml --input b.csv --step 5s":                "--step has no effect with --input",
		"simulate a.yaml --input b.csv --prometheus http://p":    "--prometheus has no effect with --input",
		"simulate a.yaml --from 2h":                              "--from has no effect without --prometheus",
		"explain web --at 45s":                                   "--at has no effect without a file",
		"explain web --input b.csv":                              "--input has no effect without a file",
		"explain a.test.yaml --startup-delay 1s":                 "--startup-delay has no effect without --input",
		"explain a.yaml --input b.csv --run x":                   "--run has no effect with --input",
		"explain a.test.yaml -n shop":                            "--namespace has no effect with a file",
		"explain web --config a.yaml --context b":                "--context has no effect with --config",
		"history web --config a.yaml --kubeconfig b --context c": "--context has no effect with --config",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s%s, expected %q", args, code, out, errs, want)
		}
	}
}

func testCheckReadsFilesOfSinks(t *testing.T) {
	const examples = "../../deploy/examples/notifications"
	if code, out, errs := impulse(t, "", "check", examples); code != 0 || out != "0 ScaledObjects are valid, 3 sinks of notifications are valid\n" {
		t.Errorf("the examples: exit code %d, %s%s", code, out, errs)
	}
	const wrong = "sinks:\n- name: chat\n  http: {url: https://chat.example, boddy: '{}'}\n"
	code, out, errs := impulse(t, wrong, "check", "-")
	if want := `-:3:37: sinks[0].http: unknown field (did you mean "body"?)`; code != 1 || !strings.HasPrefix(out, want) {
		t.Errorf("a misspelt field: exit code %d, %s%swant %s", code, out, errs, want)
	}
	for _, command := range []string{"convert", "simulate"} {
		if code, out, errs := impulse(t, "", command, examples); code == 0 || !strings.Contains(out+errs, "no object") {
			t.Errorf("%s: exit code %d, %s%swant that there is no object", command, code, out, errs)
		}
	}
}
