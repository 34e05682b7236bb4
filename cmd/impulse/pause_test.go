package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestPause(t *testing.T) {
	t.Run("a workload is paused, scaled and resumed", testWorkloadIsPausedScaledAndResumed)
	t.Run("objects are selected by their labels, or all", testObjectsAreSelectedByTheirLabelsOrAll)
	t.Run("a dry run is switched on and off", testDryRunIsSwitchedOnAndOff)
	t.Run("a dry run of the command changes nothing", testDryRunOfCommandChangesNothing)
	t.Run("an object that is missing does not stop the others", testObjectThatIsMissingDoesNotStopOthers)
	t.Run("a pause of KEDA's object is not ended at its copy", testPauseOfKEDAsObjectIsNotEndedAtItsCopy)
	t.Run("mistakes are reported before anything is changed", testMistakesAreReportedBeforeAnythingIsChanged)
}

// annotations returns the annotations and spec.dryRun of an object.
func annotations(t *testing.T, e *sandbox.Env, name string) string {
	t.Helper()
	out, err := e.Kubectl(t.Context(), "", "get", "so", name, "-o", "jsonpath={.metadata.annotations}{.spec.dryRun}")
	if err != nil {
		t.Fatal(err, out)
	}
	return out
}

// aTime matches a time in RFC 3339.
var aTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

func testWorkloadIsPausedScaledAndResumed(t *testing.T) {
	e, run := onCluster(t, "web")
	const ref = "scaledobject.impulse.sh/web "
	for _, c := range []struct{ args, out, errs, annotations string }{
		{"resume web", ref + "unchanged: it is not paused", "", ""},
		{"pause web --for 2h --reason node-drain", ref + "paused until TIME", "", `{"impulse.sh/paused":"true","impulse.sh/paused-reason":"node-drain","impulse.sh/paused-until":"TIME"}`},
		{"pause web", ref + "paused", "", `{"impulse.sh/paused":"true"}`},
		{"pause web", ref + "unchanged: it is paused already", "", `{"impulse.sh/paused":"true"}`},
		{"pause web --scale-in --until 2126-03-01T08:00:00Z", ref + "scale-in paused until TIME", "", `{"impulse.sh/paused-scale-in":"true","impulse.sh/paused-until":"TIME"}`},
		{
			"scale web --replicas 120 --for 1d", ref + "scaled to 120 until TIME",
			"note: " + e.Namespace + "/web: 120 is above maxReplicaCount, 100, which does not apply meanwhile\n", `{"impulse.sh/paused-replicas":"120","impulse.sh/paused-until":"TIME"}`,
		},
		{"resume web", ref + "resumed", "", ""},
	} {
		code, out, errs := run(append(strings.Fields(c.args), "-n", e.Namespace)...)
		if code != 0 || aTime.ReplaceAllString(out, "TIME") != c.out+"\n" || errs != c.errs {
			t.Errorf("%s: got exit code %d, %s%s, want %s and %s", c.args, code, out, errs, c.out, c.errs)
		}
		if got := aTime.ReplaceAllString(annotations(t, e, "web"), "TIME"); strings.TrimPrefix(got, "{}") != c.annotations {
			t.Errorf("%s: got the annotations %s, want %s", c.args, got, c.annotations)
		}
	}
}

func testObjectsAreSelectedByTheirLabelsOrAll(t *testing.T) {
	e, run := onCluster(t, "web", "api")
	if code, out, errs := run("pause", "-l", "app=web", "-n", e.Namespace); code != 0 || errs != "" || out != "scaledobject.impulse.sh/web paused\n" {
		t.Errorf("by labels: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := run("pause", "--all", "-n", e.Namespace); code != 0 || errs != "" ||
		out != "scaledobject.impulse.sh/api paused\nscaledobject.impulse.sh/web unchanged: it is paused already\n" {
		t.Errorf("all: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := run("resume", "-l", "app=api", "-A"); code != 0 || errs != "" || !strings.Contains(out, "scaledobject.impulse.sh/api in namespace "+e.Namespace+" resumed\n") {
		t.Errorf("in all namespaces: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := run("resume", "-l", "app=gone", "-n", e.Namespace); code != 0 || out != "" || errs != "no ScaledObject with the labels app=gone in namespace "+e.Namespace+"\n" {
		t.Errorf("none: got exit code %d, %s%s", code, out, errs)
	}
}

func testDryRunIsSwitchedOnAndOff(t *testing.T) {
	e, run := onCluster(t, "web")
	for _, c := range []struct{ args, out, state string }{
		{"dry-run on web", "dry run on", "true"}, {"dry-run on web", "unchanged: its dry run is on already", "true"}, {"dry-run off --all", "dry run off", ""},
	} {
		code, out, errs := run(append(strings.Fields(c.args), "-n", e.Namespace)...)
		if code != 0 || errs != "" || out != "scaledobject.impulse.sh/web "+c.out+"\n" || strings.TrimPrefix(annotations(t, e, "web"), "{}") != c.state {
			t.Errorf("%s: got exit code %d, %s%s", c.args, code, out, errs)
		}
	}
}

func testDryRunOfCommandChangesNothing(t *testing.T) {
	e, run := onCluster(t, "web")
	for flag, suffix := range map[string]string{"client": "(dry run)", "server": "(server dry run)"} {
		if code, out, errs := run("pause", "web", "-n", e.Namespace, "--dry-run", flag); code != 0 || errs != "" || out != "scaledobject.impulse.sh/web paused "+suffix+"\n" {
			t.Errorf("%s: got exit code %d, %s%s", flag, code, out, errs)
		}
		if got := annotations(t, e, "web"); strings.TrimPrefix(got, "{}") != "" {
			t.Errorf("%s: got %s, want no annotation", flag, got)
		}
	}
	code, out, errs := run("pause", "web", "-n", e.Namespace, "--as", "nobody", "--dry-run", "server")
	if want := fmt.Sprintf("user \"nobody\" lacks the right to get scaledobjects.impulse.sh in namespace %s\n", e.Namespace); code != 2 || out != "" || !strings.HasSuffix(errs, want) {
		t.Errorf("without rights: got exit code %d, %s%s, want %s", code, out, errs, want)
	}
}

func testObjectThatIsMissingDoesNotStopOthers(t *testing.T) {
	e, run := onCluster(t, "web")
	code, out, errs := run("pause", "wbe", "web", "-n", e.Namespace)
	if code != 2 || out != "scaledobject.impulse.sh/web paused\n" || !strings.Contains(errs, `(did you mean "web"?)`) {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
}

func testPauseOfKEDAsObjectIsNotEndedAtItsCopy(t *testing.T) {
	e, run := onCluster(t)
	sandbox.ApplyCRDs(t, "../../internal/testkit/sandbox/kedacrds")
	const paused = "autoscaling.keda.sh/paused-replicas"
	e.Apply("apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web, annotations: {" + paused + ": '5'}}\n" +
		"spec:\n  scaleTargetRef: {name: web}\n  triggers: [{type: cron, metadata: {timezone: UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: '2'}}]\n")
	uid, err := e.Kubectl(t.Context(), "", "get", "scaledobjects.keda.sh", "web", "-o", "jsonpath={.metadata.uid}")
	if err != nil {
		t.Fatal(err, uid)
	}
	e.Apply(strings.Replace(object("web"), "labels: {app: web}", "labels: {impulse.sh/from-keda: 'true'}, annotations: {"+paused+": '5'}, "+
		"ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web, controller: true, uid: "+uid+"}]", 1))
	const note = "it is derived from the ScaledObject of keda.sh"
	command := "kubectl annotate scaledobjects.keda.sh web -n " + e.Namespace + " " + paused + "-"
	for _, args := range []string{"resume web", "resume web --dry-run=client", "pause web", "scale web --replicas 3 --for 1h"} {
		code, out, errs := run(append(strings.Fields(args), "-n", e.Namespace)...)
		if code != 2 || out != "" || !strings.Contains(errs, command+"\n") {
			t.Errorf("%s: got exit code %d, %s%s, want the command %s", args, code, out, errs, command)
		}
	}
	if code, out, errs := run("dry-run", "on", "web", "-n", e.Namespace); code != 0 || !strings.Contains(errs, note) {
		t.Errorf("dry-run: got exit code %d, %s%s, want the note", code, out, errs)
	}
	if out, err := e.Kubectl(t.Context(), "", "annotate", "scaledobjects.keda.sh", "web", paused+"-"); err != nil {
		t.Fatal(err, out)
	}
	if code, out, errs := run("pause", "web", "-n", e.Namespace); code != 0 || !strings.Contains(errs, note) {
		t.Errorf("pause once KEDA's has none: got exit code %d, %s%s, want the note", code, out, errs)
	}
	// The API server removes the reference to the owner of an object that its deletion leaves.
	for _, args := range [][]string{
		{"patch", "scaledobjects.impulse.sh", "web", "--type=json", "-p", `[{"op": "remove", "path": "/metadata/ownerReferences"}]`},
		{"annotate", "scaledobjects.impulse.sh", "web", "--overwrite", paused + "=5"},
	} {
		if out, err := e.Kubectl(t.Context(), "", args...); err != nil {
			t.Fatal(err, out)
		}
	}
	if code, out, errs := run("resume", "web", "-n", e.Namespace); code != 0 || errs != "" || !strings.Contains(out, "resumed") {
		t.Errorf("an object that was left: got exit code %d, %s%s", code, out, errs)
	}
}

func testMistakesAreReportedBeforeAnythingIsChanged(t *testing.T) {
	past := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for args, want := range map[string]string{
		"pause":                            "name objects, or select them with -l or --all",
		"resume -A":                        "-A goes with -l or --all",
		"pause web --all":                  "--all has no effect with names",
		"pause web --for 2h --until 18:00": "--until has no effect with --for",
		"pause web --until " + past:        "--until: \"" + past + "\" is in the past: it is ",
		"pause web --for soon":             "--for: \"soon\": expected a length above 0, such as 30m, 2h or 3d",
		"pause web --dry-run=perhaps":      "--dry-run is \"perhaps\": expected none, client or server",
		"pause web --reason " + strings.Repeat("x", 300): "--reason has 300 bytes: expected at most 256",
		"scale web --for 2h":                             "state the count, with --replicas",
		"scale web --replicas 3":                         "state the end, with --for or --until: nobody remembers to end a count that has none",
		"scale web --replicas=-1 --for 2h":               "--replicas is -1: expected 0 or more",
		"dry-run web":                                    "begin with on or off",
		"dry-run on":                                     "name objects, or select them with -l or --all",
	} {
		code, out, errs := impulse(t, "", strings.Fields(args)...)
		if code != 2 || out != "" || !strings.HasPrefix(errs, "impulse: "+want) {
			t.Errorf("%s: got exit code %d, %s%s, want %s", args, code, out, errs, want)
		}
	}
}
