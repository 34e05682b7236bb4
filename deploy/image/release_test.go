package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRelease(t *testing.T) {
	programs := []string{compile(t, "linux/amd64", "-ldflags=-X main.version=v1.2.3"), compile(t, "windows/amd64"), compile(t, "linux/arm64")}
	dist := makeRelease(t, programs...)
	t.Run("has an archive and an SBOM for each platform, krew's manifest and checksums", func(t *testing.T) {
		want := []string{
			"/checksums.txt", "/impulse.yaml",
			"/impulse_v1.2.3_linux_amd64.cdx.json", "/impulse_v1.2.3_linux_amd64.tar.gz", "/impulse_v1.2.3_linux_arm64.cdx.json",
			"/impulse_v1.2.3_linux_arm64.tar.gz", "/impulse_v1.2.3_windows_amd64.cdx.json", "/impulse_v1.2.3_windows_amd64.zip",
		}
		if got := slices.Sorted(maps.Keys(files(t, dist))); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	t.Run("has the same bytes again, whatever the order of the programs", func(t *testing.T) {
		if again := makeRelease(t, programs[2], programs[0], programs[1]); !maps.Equal(files(t, again), files(t, dist)) {
			t.Error("the files differ")
		}
	})
	t.Run("has the program and the license in each archive", func(t *testing.T) { testArchiveHasProgramAndLicense(t, dist, programs) })
	t.Run("has checksums that sha256sum accepts", func(t *testing.T) {
		if out := runIn(t, dist, nil, "sha256sum", "--check", "checksums.txt"); strings.Count(out, ": OK\n") != 7 {
			t.Errorf("got %s", out)
		}
	})
	t.Run("is installed by krew", func(t *testing.T) { testIsInstalledByKrew(t, dist) })
	t.Run("gives a checksum to what is there already", func(t *testing.T) { testChecksumForWhatIsThere(t, programs[0]) })
	t.Run("refuses a version that is none, and programs for the same platform", func(t *testing.T) {
		fails(t, []string{"release", "--version", "1.2.3", "--license", license, programs[0]}, "write VERSION=v1.2.3")
		fails(t, []string{"release", "check", "latest"}, "write it as VERSION=v1.2.3")
		fails(t, []string{"release", "--version", "v1.2.3", "--license", license, "--out", t.TempDir(), programs[0], programs[0]}, "are both compiled for linux/amd64")
	})
}

func makeRelease(t *testing.T, programs ...string) string {
	t.Helper()
	dist := t.TempDir()
	mustRun(t, append([]string{"release", "--version", "v1.2.3", "--created", created, "--license", license, "--out", dist}, programs...)...)
	return dist
}

func testArchiveHasProgramAndLicense(t *testing.T, dist string, programs []string) {
	completer := runIn(t, "../..", nil, "go", "run", "./cmd/impulse", "completion", "kubectl")
	for archive, want := range map[string]map[string]string{
		"impulse_v1.2.3_linux_amd64.tar.gz": {"impulse": readFile(t, programs[0]), "LICENSE": readFile(t, license), "kubectl_complete-impulse": completer},
		"impulse_v1.2.3_windows_amd64.zip":  {"impulse.exe": readFile(t, programs[1]), "LICENSE": readFile(t, license)},
	} {
		if got := extract(t, filepath.Join(dist, archive)); !maps.Equal(got, want) {
			t.Errorf("%s has %v with other contents than expected", archive, slices.Sorted(maps.Keys(got)))
		}
	}
}

// extract returns the contents of an archive's files.
func extract(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	add := func(name string, content io.Reader) {
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = string(text)
	}
	if strings.HasSuffix(path, ".zip") {
		archive, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = archive.Close() }() // It was only read.
		for _, f := range archive.File {
			content, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			add(f.Name, content)
			if err := content.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return found
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		add(header.Name, archive)
	}
}

// testIsInstalledByKrew uses krew's own programs: the check of its index, and the installation.
func testIsInstalledByKrew(t *testing.T, dist string) {
	manifest := filepath.Join(dist, "impulse.yaml")
	runIn(t, ".", nil, "go", "tool", "validate-krew-manifest", "-manifest", manifest, "-skip-install")
	home := t.TempDir()
	env := []string{"KREW_ROOT=" + home, "KREW_OS=linux", "KREW_ARCH=amd64"}
	runIn(t, ".", env, "go", "tool", "krew", "install", "--manifest", manifest, "--archive", filepath.Join(dist, "impulse_v1.2.3_linux_amd64.tar.gz"))
	if got := runIn(t, ".", nil, filepath.Join(home, "bin", "kubectl-impulse")); got != "v1.2.3\n" {
		t.Errorf("the plugin prints %q, want the version", got)
	}
	stored, err := filepath.Glob(filepath.Join(home, "store", "impulse", "*", "kubectl_complete-impulse"))
	if err != nil || len(stored) != 1 {
		t.Errorf("krew stored the programs for completion %q, want one", stored)
	}
}

func testChecksumForWhatIsThere(t *testing.T, program string) {
	dist := t.TempDir()
	if err := os.WriteFile(filepath.Join(dist, "impulse-1.2.3.tgz"), []byte("a chart"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "release", "--version", "v1.2.3", "--license", license, "--out", dist, program)
	if got := readFile(t, dist, "checksums.txt"); !strings.Contains(got, "  impulse-1.2.3.tgz\n") {
		t.Errorf("got %s", got)
	}
}
