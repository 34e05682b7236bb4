package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestMakefile(t *testing.T) {
	t.Run("make build gives the same program in every folder and clone", testBuildGivesSameProgramEverywhere)
	t.Run("make release refuses a version that is none before it compiles", func(t *testing.T) {
		failsInMake(t, "write VERSION=v1.2.3", "release", "VERSION=1.2.3")
	})
	t.Run("make chart packages the chart with its version and the tag of the image, the same bytes each time", testChartIsPackaged)
	t.Run("make push refuses the name of an image before it compiles", func(t *testing.T) {
		failsInMake(t, "IMAGE is missing: name a registry, a repository and a tag", "push")
		failsInMake(t, "write IMAGE=ghcr.io/you/impulse:v1.2.3", "push", "IMAGE=ghcr.io/you/impulse")
	})
}

// testBuildGivesSameProgramEverywhere compiles a small program with the flags of make build: in a folder, and in a changed clone with
// other settings of Go in another folder.
func testBuildGivesSameProgramEverywhere(t *testing.T) {
	line := runIn(t, root, nil, "make", "--silent", "--dry-run", "build", "VERSION=v1.2.3", "OUT=impulse")
	if strings.Count(line, "./cmd/impulse") != 1 || strings.Count(line, "\n") != 1 {
		t.Fatalf("make build runs %q, want one run of the go command for ./cmd/impulse", line)
	}
	line = strings.Replace(line, "./cmd/impulse", ".", 1)
	plain, clone := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "a", "clone")
	writeSource(t, plain)
	writeSource(t, clone)
	runIn(t, clone, nil, "git", "init", "--quiet")
	runIn(t, clone, nil, "git", "-c", "user.name=impulse", "-c", "user.email=impulse@localhost", "-c", "commit.gpgsign=false",
		"commit", "--quiet", "--allow-empty", "--message", "first")
	runIn(t, plain, []string{"GOFLAGS="}, "bash", "-c", line)
	runIn(t, clone, []string{"GOFLAGS=-buildvcs=true"}, "bash", "-c", line)
	first, second := readFile(t, plain, "impulse"), readFile(t, clone, "impulse")
	if first != second {
		t.Error("the programs differ")
	}
	if got := runIn(t, plain, nil, "./impulse"); got != "v1.2.3\n" {
		t.Errorf("the program has the version %q, want v1.2.3", got)
	}
	if strings.Contains(first, plain) {
		t.Error("the program has the name of its folder")
	}
}

func testChartIsPackaged(t *testing.T) {
	var packages []string
	for range 2 {
		dist := t.TempDir()
		runIn(t, root, []string{"MAKEFLAGS="}, "make", "--silent", "chart", "VERSION=v1.2.3", "DIST="+dist)
		packages = append(packages, filepath.Join(dist, "impulse-1.2.3.tgz"))
	}
	if readFile(t, packages[0]) != readFile(t, packages[1]) {
		t.Error("the packages differ")
	}
	chart := extract(t, packages[0])["impulse/Chart.yaml"]
	for _, line := range []string{"version: 1.2.3\n", "appVersion: 1.2.3\n"} {
		if !strings.Contains(chart, line) {
			t.Errorf("got the chart %q, want %q", chart, line)
		}
	}
	failsInMake(t, "write VERSION=v1.2.3", "chart", "VERSION=1.2.3")
}

// failsInMake checks that a target of the Makefile fails with a message.
func failsInMake(t *testing.T, message string, args ...string) {
	t.Helper()
	script := `if out=$(make --silent "$@" 2>&1); then echo "it succeeded"; else printf '%s\n' "$out"; fi`
	if got := runIn(t, root, []string{"MAKEFLAGS=", "DOCKER_CONFIG=" + t.TempDir()}, "bash", append([]string{"-c", script, "bash"}, args...)...); !strings.Contains(got, message) {
		t.Errorf("make %s: got %q, want it to contain %q", strings.Join(args, " "), got, message)
	}
}
