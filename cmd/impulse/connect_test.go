package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestConnect(t *testing.T) {
	t.Run("without a cluster, every command says where it looked", testEveryCommandSaysWhereItLooked)
	t.Run("every command that connects is tested", testEveryCommandThatConnectsIsTested)
	t.Run("an object that does not exist is reported with the one that was meant", testObjectThatDoesNotExistIsReported)
	t.Run("a missing permission is named", testMissingPermissionIsNamed)
}

// connecting are the commands that connect to a cluster, with arguments. NAME is an object.
var connecting = []string{
	"get", "get NAME", "get NAME -w", "explain NAME", "explain -A", "history NAME", "alerts", "pause NAME", "resume NAME", "scale NAME --replicas 2 --for 1h",
	"dry-run on NAME", "dry-run off NAME", "adopt hpa NAME", "adopt keda NAME", "doctor", "uninstall",
}

// others connect as well: top needs a terminal before, version prints the reason and succeeds, run retries, and send has a URL.
var others = []string{"top", "version", "run", "send"}

func testEveryCommandThatConnectsIsTested(t *testing.T) {
	for _, c := range command().Commands() {
		if _, connects := ownFlags(c); !connects && !c.HasSubCommands() {
			continue
		}
		tested := slices.ContainsFunc(append(slices.Clone(connecting), others...), func(line string) bool { return strings.Fields(line)[0] == c.Name() })
		if !tested && c.Name() != "completion" && c.Name() != "help" {
			t.Errorf("impulse %s is not tested without a cluster", c.Name())
		}
	}
}

func testEveryCommandSaysWhereItLooked(t *testing.T) {
	dir := t.TempDir()
	absent, broken := filepath.Join(dir, "absent"), filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("clusters: [{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range connecting {
		args := strings.Fields(strings.ReplaceAll(line, "NAME", "web"))
		for _, c := range []struct {
			name, kubeconfig string
			more             []string
			code             int
			want             string
		}{
			{"without a cluster", absent, nil, 2, "find the cluster: " + absent + " does not exist, and this is no Pod: set KUBECONFIG or --kubeconfig"},
			{"with a broken kubeconfig", broken, nil, 2, broken},
			{"with a context that does not exist", absent, []string{"--context", "gone"}, 2, `the kubeconfig has no context "gone"`},
			{"with a server that does not answer", absent, []string{"--server", "http://127.0.0.1:1"}, 2, "127.0.0.1:1"},
		} {
			t.Setenv("KUBECONFIG", c.kubeconfig)
			code, out, errs := impulse(t, "", append(slices.Clone(args), c.more...)...)
			if line == "doctor" && strings.HasPrefix(c.name, "with a server") {
				c.code, errs, out = 1, out, ""
			}
			if code != c.code || out != "" || !strings.Contains(errs, c.want) || strings.Contains(errs, "goroutine") {
				t.Errorf("impulse %s %s: got exit code %d, %s%swant %d and %s", line, c.name, code, out, errs, c.code, c.want)
			}
		}
	}
}

func testObjectThatDoesNotExistIsReported(t *testing.T) {
	e, run := onCluster(t, "checkout")
	e.Apply("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: checkout}\n" +
		"spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: absent}}\n")
	for _, line := range connecting {
		if !strings.Contains(line, "NAME") {
			continue
		}
		code, out, errs := run(append(strings.Fields(strings.ReplaceAll(line, "NAME", "chekcout")), "-n", e.Namespace)...)
		want := `there is no ScaledObject "chekcout" in namespace "` + e.Namespace + `" (did you mean "checkout"?)`
		switch line {
		case "adopt hpa NAME":
			want = `horizontalpodautoscalers.autoscaling "chekcout" not found (did you mean "checkout"?)`
		case "adopt keda NAME": // The cluster may have no CRD of KEDA.
			want = "chekcout: "
		}
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("impulse %s: got exit code %d, %s%swant %s", line, code, out, errs, want)
		}
	}
}

func testMissingPermissionIsNamed(t *testing.T) {
	e, run := onCluster(t, "web")
	for _, line := range connecting {
		if line == "doctor" || line == "uninstall" || line == "explain -A" {
			continue // The first has a test of its own; the others are about the whole cluster.
		}
		code, out, errs := run(append(strings.Fields(strings.ReplaceAll(line, "NAME", "web")), "-n", e.Namespace, "--as", "nobody")...)
		want := `user "nobody" lacks the right to `
		if code != 2 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("impulse %s: got exit code %d, %s%swant %s", line, code, out, errs, want)
		}
	}
}
