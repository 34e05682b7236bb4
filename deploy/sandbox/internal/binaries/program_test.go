package binaries

import (
	"testing"

	"golang.org/x/mod/semver"
)

func TestProgram(t *testing.T) {
	t.Run("versions are parsed from the output of programs", testVersionsAreParsedFromOutputOfPrograms)
	t.Run("only supported versions are suitable", testOnlySupportedVersionsAreSuitable)
}

func testVersionsAreParsedFromOutputOfPrograms(t *testing.T) {
	for name, test := range map[string]struct{ output, version string }{
		"kube-apiserver": {"Kubernetes v1.37.2\n", "v1.37.2"},
		"kubectl":        {"Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0\n", "v1.32.4-dispatcher"},
		"etcd":           {"etcd Version: 3.7.0\nGit SHA: Not provided\nGo Version: go1.26.8\nGo OS/Arch: linux/amd64\n", "v3.7.0"},
		"kwok":           {"kwok version 0.8.0 go1.26.8 (linux/amd64)\n", "v0.8.0"},
		"metrics-server": {"v0.9.0\n", "v0.9.0"},
		"nats-server":    {"nats-server: v2.15.2\n", "v2.15.2"},
		"alertmanager":   {"alertmanager, version 0.31.1 (branch: HEAD, revision: abc)\n  go version: go1.26.8\n", "v0.31.1"},
		"without any":    {"prometheus, version  (branch: , revision: unknown)\n", ""},
		"nothing":        {"", ""},
	} {
		if got := parseVersion(test.output); got != test.version {
			t.Errorf("%s: read %q, want %q", name, got, test.version)
		}
	}
}

func testOnlySupportedVersionsAreSuitable(t *testing.T) {
	programs := map[string]Program{}
	for _, p := range Programs() {
		programs[p.Name] = p
		if !p.Suitable(p.Version) {
			t.Errorf("%s %s, which is built, is not suitable itself", p.Name, p.Version)
		}
		if !semver.IsValid(p.Version) {
			t.Errorf("%s: %q is not a version", p.Name, p.Version)
		}
	}
	for _, test := range []struct {
		name, version string
		want          bool
	}{
		{"kube-apiserver", "v1.37.0", true},
		{"kube-apiserver", "v1.37.9", true},
		{"kube-apiserver", "v1.36.9", false},
		{"kube-apiserver", "v1.38.0", false},
		{"kubectl", "v1.32.4-dispatcher", false},
		{"alertmanager", "v0.27.0", true},
		{"alertmanager", "v0.26.9", false},
		{"prometheus", "v2.55.1", false},
		{"nats-server", "v2.10.29", false},
	} {
		if got := programs[test.name].Suitable(test.version); got != test.want {
			t.Errorf("%s %s suitable: %t, want %t", test.name, test.version, got, test.want)
		}
	}
}

func FuzzParseVersion(f *testing.F) {
	f.Add("Kubernetes v1.37.2\n")
	f.Add("v1.2.3-rc.1+meta 01.02.03")
	f.Fuzz(func(t *testing.T, output string) {
		if version := parseVersion(output); version != "" && !semver.IsValid(version) {
			t.Errorf("read %q, which is not a version, from %q", version, output)
		}
	})
}
