package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/modfile"

	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
)

func TestDockerfile(t *testing.T) {
	stages := instructions(t)
	last := stages[len(stages)-1]
	t.Run("has the user, the entrypoint and the labels of the image", func(t *testing.T) { testDockerfileHasLabelsOfImage(t, last) })
	t.Run("has the files of the image, from scratch", func(t *testing.T) { testDockerfileHasFilesOfImage(t, last) })
	t.Run("compiles with make build and the Go version of go.mod, as releases do", func(t *testing.T) { testDockerfileCompilesAsReleasesDo(t, stages[0]) })
}

// instruction is one of a Dockerfile, with the lines that continue it.
type instruction struct{ name, text string }

// instructions returns the instructions of the Dockerfile by stage.
func instructions(t *testing.T) [][]instruction {
	t.Helper()
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(readFile(t, root, "Dockerfile"), "")
	text = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(text, "")
	var stages [][]instruction
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "FROM" {
			stages = append(stages, nil)
		}
		if name != "" && len(stages) > 0 {
			stages[len(stages)-1] = append(stages[len(stages)-1], instruction{name, rest})
		}
	}
	if len(stages) != 2 {
		t.Fatalf("got %d stages, want 2", len(stages))
	}
	return stages
}

// all returns the texts of the instructions with a name.
func all(stage []instruction, name string) []string {
	var texts []string
	for _, i := range stage {
		if i.name == name {
			texts = append(texts, i.text)
		}
	}
	return texts
}

func testDockerfileHasLabelsOfImage(t *testing.T, stage []instruction) {
	if got := all(stage, "USER"); !slices.Equal(got, []string{oci.User}) {
		t.Errorf("got USER %q, want %s", got, oci.User)
	}
	var entrypoint []string
	if got := all(stage, "ENTRYPOINT"); len(got) != 1 || json.Unmarshal([]byte(got[0]), &entrypoint) != nil || !slices.Equal(entrypoint, []string{products[0].Entrypoint()}) {
		t.Errorf("got ENTRYPOINT %q, want %s", got, products[0].Entrypoint())
	}
	labels := map[string]string{}
	for _, m := range regexp.MustCompile(`([\w.]+)="([^"]*)"`).FindAllStringSubmatch(strings.Join(all(stage, "LABEL"), " "), -1) {
		labels[m[1]] = m[2]
	}
	spec := products[0]
	spec.Version, spec.Revision, spec.Created = "$VERSION", "$REVISION", time.Unix(0, 0)
	want := spec.Labels()
	want["org.opencontainers.image.created"] = "$CREATED"
	if !maps.Equal(labels, want) {
		t.Errorf("got LABEL %v, want %v", labels, want)
	}
}

func testDockerfileHasFilesOfImage(t *testing.T, stage []instruction) {
	if got := all(stage, "FROM"); !slices.Equal(got, []string{"scratch"}) {
		t.Errorf("got FROM %q, want scratch", got)
	}
	var copied []string
	for _, text := range all(stage, "COPY") {
		words := strings.Fields(text)
		copied = append(copied, words[len(words)-1])
	}
	slices.Sort(copied)
	if want := []string{"/LICENSE", "/etc", "/etc/ssl/certs/ca-certificates.crt", "/impulse"}; !slices.Equal(copied, want) {
		t.Errorf("got COPY to %v, want %v", copied, want)
	}
}

func testDockerfileCompilesAsReleasesDo(t *testing.T, stage []instruction) {
	module, err := modfile.ParseLax("go.mod", []byte(readFile(t, root, "go.mod")), nil)
	if err != nil {
		t.Fatal(err)
	}
	version := strings.Join(strings.Split(module.Go.Version, ".")[:2], ".")
	if got := all(stage, "FROM"); !slices.Equal(got, []string{"--platform=$BUILDPLATFORM golang:" + version + " AS build"}) {
		t.Errorf("got FROM %q, want golang:%s, the version of go.mod", got, version)
	}
	if !strings.Contains(strings.Join(all(stage, "RUN"), "\n"), " make build ") {
		t.Error("the Dockerfile does not compile with make build")
	}
	if workflow := readFile(t, root, ".github/workflows/release.yml"); !strings.Contains(workflow, "\n        go-version: "+version+".x ") {
		t.Errorf("release.yml does not compile with Go %s, the version of go.mod", version)
	}
}
