package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/mod/modfile"
)

// TestImpulse tests the image of the real program.
func TestImpulse(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	program := impulse(t)
	out := build(t, program)
	image := serve(t, quiet())
	mustRun(t, "push", "--layout", filepath.Join(out, "layout"), image)
	dir := filepath.Join(t.TempDir(), "unpacked")
	mustRun(t, "unpack", "--image", image, dir)
	t.Run("runs from the unpacked image as its user", func(t *testing.T) {
		want := runIn(t, ".", nil, program, "version")
		if got := inImage(t, dir, "", "version"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("has time zones", func(t *testing.T) {
		if got := inImage(t, dir, readFile(t, root, "deploy/examples/cron.yaml"), "check", "-"); !strings.Contains(got, "1 ScaledObject is valid") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("has CA certificates", func(t *testing.T) { testImageHasCACertificates(t, dir) })
	t.Run("has no file that its user may change", func(t *testing.T) { testUserMayChangeNothing(t, dir) })
	bill := readFile(t, out, "impulse_linux_"+runtime.GOARCH+".cdx.json")
	t.Run("has an SBOM that follows CycloneDX's schema", func(t *testing.T) { testSBOMFollowsSchema(t, bill) })
	t.Run("has an SBOM with the modules of the program", func(t *testing.T) { testSBOMHasModules(t, bill) })
	t.Run("is unpacked from the layout as from a registry", func(t *testing.T) {
		again := filepath.Join(t.TempDir(), "again")
		mustRun(t, "unpack", "--layout", filepath.Join(out, "layout"), again)
		if got, want := readFile(t, again, "impulse"), readFile(t, dir, "impulse"); got != want {
			t.Error("the programs differ")
		}
		fails(t, []string{"unpack", "--image", image, "--platform", "linux/riscv64", t.TempDir()}, "the image is not for the platform linux/riscv64: it is for linux/"+runtime.GOARCH)
		fails(t, []string{"unpack", "--image", "IMPULSE", t.TempDir()}, "--image: could not parse reference")
		fails(t, []string{"unpack", "--layout", t.TempDir(), t.TempDir()}, "open the OCI layout")
	})
}

// impulse returns the program for this machine: the one that make test has compiled, or else a new one.
func impulse(t *testing.T) string {
	t.Helper()
	if built := os.Getenv("IMPULSE_BUILT"); built != "" {
		return filepath.Join(built, "impulse")
	}
	program := filepath.Join(t.TempDir(), "impulse")
	runIn(t, root, []string{"MAKEFLAGS="}, "make", "--silent", "build", "OUT="+program)
	return program
}

// inImage runs the program with the folder as its root and as the user of the image, as a container does. Only root may do that: for anybody
// else it runs as they are.
func inImage(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "impulse"), args...)
	if os.Geteuid() == 0 {
		cmd.Path, cmd.Dir = "/impulse", "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	}
	cmd.Env = []string{} // Those of this machine, such as ZONEINFO, are not in a container.
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("impulse %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func testImageHasCACertificates(t *testing.T, dir string) {
	rest := []byte(readFile(t, dir, "etc/ssl/certs/ca-certificates.crt"))
	if !x509.NewCertPool().AppendCertsFromPEM(rest) {
		t.Fatal("the file has no certificates")
	}
	if n := bytes.Count(rest, []byte("-----BEGIN CERTIFICATE-----")); n < 100 {
		t.Errorf("got %d certificates, want more than 100", n)
	}
}

func testUserMayChangeNothing(t *testing.T, dir string) {
	found := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		found++
		if info.Mode().Perm()&0o022 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || found < 8 {
		t.Errorf("found %d files, %v", found, err)
	}
}

func testSBOMFollowsSchema(t *testing.T, bill string) {
	module := strings.TrimSpace(runIn(t, ".", nil, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go"))
	compiler := jsonschema.NewCompiler()
	for _, file := range []string{"bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schemax.json"} {
		schema, err := jsonschema.UnmarshalJSON(strings.NewReader(readFile(t, module, "schema", file)))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("http://cyclonedx.org/schema/"+strings.Replace(file, "schemax", "schema", 1), schema); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	content, err := jsonschema.UnmarshalJSON(strings.NewReader(bill))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(content); err != nil {
		t.Error(err)
	}
}

func testSBOMHasModules(t *testing.T, bill string) {
	var bom cdx.BOM
	if err := json.Unmarshal([]byte(bill), &bom); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, c := range *bom.Components {
		versions[c.Name] = c.Version
	}
	for path, file := range map[string]string{
		"k8s.io/client-go":                       root + "/go.mod",
		"github.com/nats-io/nats.go":             root + "/go.mod",
		"github.com/expr-lang/expr":              root + "/go.mod", // Of this one the project has a changed copy.
		"golang.org/x/crypto/x509roots/fallback": "go.mod",
	} {
		if want := required(t, file, path); versions[path] != want {
			t.Errorf("the SBOM has %s %s, and %s has %s", path, versions[path], file, want)
		}
	}
	if versions["std"] != strings.TrimPrefix(runtime.Version(), "go") {
		t.Errorf("the SBOM has Go %s, want %s", versions["std"], runtime.Version())
	}
	main := bom.Metadata.Component
	if main.Name != "github.com/impulse-sh/impulse" || main.Version != "v1.2.3" || bom.Metadata.Timestamp != createdText {
		t.Errorf("got %+v of %s", main, bom.Metadata.Timestamp)
	}
}

// required returns the version of a module that a go.mod requires.
func required(t *testing.T, file, path string) string {
	t.Helper()
	module, err := modfile.ParseLax(file, []byte(readFile(t, file)), nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(module.Require, func(r *modfile.Require) bool { return r.Mod.Path == path })
	if i < 0 {
		t.Fatalf("%s does not require %s", file, path)
	}
	return module.Require[i].Mod.Version
}
