package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/impulse-sh/impulse/deploy/image/internal/oci"
)

func TestBuild(t *testing.T) {
	programs := []string{compile(t, "linux/arm64"), compile(t, "linux/amd64")}
	out := build(t, programs...)
	t.Run("makes an image for both platforms", func(t *testing.T) { testImageIsForBothPlatforms(t, out) })
	t.Run("makes the same files again, whatever the order of the programs", func(t *testing.T) { testSameFilesAgain(t, out, programs) })
	t.Run("makes archives that docker load accepts", func(t *testing.T) { testArchivesForDockerLoad(t, out) })
	t.Run("replaces an older layout, and nothing else", func(t *testing.T) { testReplacesOlderLayout(t, programs) })
	t.Run("prints the digest and where everything is", func(t *testing.T) { testPrintsDigestAndPlaces(t, programs) })
	t.Run("refuses programs that would not run in the image", func(t *testing.T) { testRefusesPrograms(t, programs[1]) })
}

func testImageIsForBothPlatforms(t *testing.T, out string) {
	index := stored(t, out).Index
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	want := map[string]string{
		"org.opencontainers.image.title":       "Impulse",
		"org.opencontainers.image.description": "An event-driven autoscaler for Kubernetes",
		"org.opencontainers.image.source":      "https://github.com/impulse-sh/impulse",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.version":     "v1.2.3",
		"org.opencontainers.image.revision":    "0123abcd",
		"org.opencontainers.image.created":     createdText,
	}
	manifest, err := index.IndexManifest()
	if err != nil || !maps.Equal(manifest.Annotations, want) {
		t.Errorf("got annotations %v, %v, want %v", manifest.Annotations, err, want)
	}
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		image, err := oci.ImageFor(index, platform)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if got := config.OS + "/" + config.Architecture; got != platform {
			t.Errorf("the image of %s is configured for %s", platform, got)
		}
		c := config.Config
		if c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/impulse"}) || !maps.Equal(c.Labels, want) {
			t.Errorf("%s: got user %s, entrypoint %v, labels %v", platform, c.User, c.Entrypoint, c.Labels)
		}
	}
	_, err = oci.ImageFor(index, "windows/amd64")
	if err == nil || !strings.Contains(err.Error(), "it is for linux/amd64, linux/arm64") {
		t.Errorf("got %v for a platform that the image does not have", err)
	}
}

// files returns the contents of all files below a folder, but the programs.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, dir)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testSameFilesAgain(t *testing.T, out string, programs []string) {
	again := build(t, programs[1], programs[0])
	first, second := files(t, out), files(t, again)
	if len(first) < 10 || !maps.Equal(first, second) {
		t.Errorf("got %v and %v, which differ", slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(second)))
	}
	if got := strings.TrimSpace(first["/digest"]); got != digestOf(t, out) {
		t.Errorf("the file digest has %s, and the digest is %s", got, digestOf(t, out))
	}
}

func testArchivesForDockerLoad(t *testing.T, out string) {
	for _, arch := range []string{"amd64", "arm64"} {
		path := filepath.Join(out, "impulse_linux_"+arch+".tar")
		manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
		if err != nil || len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, []string{"ghcr.io/impulse-sh/impulse:1.2.3"}) {
			t.Fatalf("%s: got manifest %v, %v", path, manifest, err)
		}
		image, err := tarball.ImageFromPath(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		layout, err := oci.ImageFor(stored(t, out).Index, "linux/"+arch)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := configOf(t, image), configOf(t, layout); got != want {
			t.Errorf("%s has the image %s, want %s", path, got, want)
		}
	}
}

// configOf returns the digest of an image's configuration, which has the digests of its layers' contents.
func configOf(t *testing.T, image v1.Image) string {
	t.Helper()
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	digest, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func testReplacesOlderLayout(t *testing.T, programs []string) {
	out := build(t, programs[0])
	args := []string{"build", "--version", "v1.2.4", "--license", license, "--out", out}
	mustRun(t, append(args, programs...)...)
	if manifest, err := stored(t, out).Index.IndexManifest(); err != nil || len(manifest.Manifests) != 2 {
		t.Errorf("got %v, %v, want the newer image", manifest, err)
	}
	other := filepath.Join(t.TempDir(), "layout")
	if err := os.MkdirAll(filepath.Join(other, "precious"), 0o755); err != nil {
		t.Fatal(err)
	}
	fails(t, []string{"build", "--version", "v1", "--license", license, "--out", filepath.Dir(other), programs[0]}, "is no OCI layout: name another folder")
	if _, err := os.Stat(filepath.Join(other, "precious")); err != nil {
		t.Error(err)
	}
}

func testPrintsDigestAndPlaces(t *testing.T, programs []string) {
	out := t.TempDir()
	got := mustRun(t, append([]string{"build", "--version", "v1.2.3", "--license", license, "--out", out}, programs...)...)
	want := "impulse v1.2.3 for linux/amd64 and linux/arm64\n" +
		"  digest   " + digestOf(t, out) + "\n" +
		"  layout   " + out + "/layout\n" +
		"  archive  docker load --input " + out + "/impulse_linux_amd64.tar\n" +
		"  archive  docker load --input " + out + "/impulse_linux_arm64.tar\n" +
		"  SBOM     " + out + "/impulse_linux_amd64.cdx.json\n" +
		"  SBOM     " + out + "/impulse_linux_arm64.cdx.json\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func testRefusesPrograms(t *testing.T, program string) {
	args := func(more ...string) []string {
		return append([]string{"build", "--version", "v1.2.3", "--license", license, "--out", t.TempDir()}, more...)
	}
	fails(t, args(compile(t, "linux/amd64", "-buildmode=pie")), "is linked dynamically, and the image has no libraries: compile it with CGO_ENABLED=0")
	fails(t, args(compile(t, "windows/amd64")), "is compiled for windows/amd64", "set GOOS=linux")
	fails(t, args(program, program), "are both compiled for linux/amd64")
	fails(t, args(license), "as a program that Go has compiled")
	fails(t, args("missing"), "missing: no such file")
	fails(t, args("--name", "impulsive", program), "--name impulsive is none of impulse and impulse-keda-bridge")
	fails(t, []string{"build", "--version", "v1.2.3", "--license", "missing", program}, "read the license")
	fails(t, []string{"build", "--license", license, program}, `"version" not set`)
	fails(t, []string{"build", "--version", "v1 2", "--license", license, "--out", t.TempDir(), program}, "the version cannot be the tag of an image")
}
