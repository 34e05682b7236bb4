// Package binaries finds, builds and caches the programs that the sandbox runs. Everything is built from Go modules
// with the Go command alone, and kept outside the clone under a name that identifies its sources.
package binaries

import (
	"path"
	"regexp"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

const (
	kubernetesVersion = "v1.37.2"

	// programsModule is the folder, below the sandbox's source, of the module that pins every program: one set of versions, so
	// that what programs share is compiled once.
	programsModule = "programs"
	ownPackages    = "github.com/impulse-sh/impulse/deploy/sandbox/programs/"
)

// buildTags leave out what no sandbox runs: of Prometheus's service discoveries, all but those by files and fixed targets.
const buildTags = "remove_all_sd"

// Program is one executable of the sandbox: its sources, and the versions of other builds that are suitable, too.
type Program struct {
	Name        string
	Package     string // Import path of its main package, in the module of the programs.
	Version     string // The version that is built.
	LDFlags     string
	VersionArgs []string // Arguments that make it print its version.
	Suitable    func(version string) bool
}

// Programs lists every program of the sandbox in the order of the builds: those that a Deployment needs to follow an alert
// come first, then those with the shortest builds.
func Programs() []Program {
	kube := func(name, pkg string, versionArgs ...string) Program {
		return Program{
			Name: name, Package: pkg + name, Version: kubernetesVersion,
			LDFlags: kubernetesLDFlags(), VersionArgs: versionArgs, Suitable: sameMinor(kubernetesVersion),
		}
	}
	return []Program{
		{
			Name: "etcd", Package: "go.etcd.io/etcd/server/v3", Version: "v3.7.0",
			VersionArgs: []string{"--version"}, Suitable: atLeast("v3.6.0"),
		},
		kube("kube-apiserver", "k8s.io/kubernetes/cmd/", "--version"),
		kube("kube-controller-manager", ownPackages, "--version"),
		kube("kube-scheduler", "k8s.io/kubernetes/cmd/", "--version"),
		{
			Name: "kwok", Package: "sigs.k8s.io/kwok/cmd/kwok", Version: "v0.8.0",
			VersionArgs: []string{"--version"}, Suitable: atLeast("v0.7.0"),
		},
		{
			Name: "metrics-server", Package: "sigs.k8s.io/metrics-server/cmd/metrics-server", Version: "v0.9.0",
			LDFlags:     "-X k8s.io/client-go/pkg/version.gitVersion=v0.9.0",
			VersionArgs: []string{"--version"}, Suitable: atLeast("v0.7.0"),
		},
		kube("metrics-adapter", ownPackages, "--version"),
		{
			Name: "nats-server", Package: "github.com/nats-io/nats-server/v2", Version: "v2.15.2",
			VersionArgs: []string{"--version"}, Suitable: atLeast("v2.11.0"),
		},
		{
			Name: "alertmanager", Package: "github.com/prometheus/alertmanager/cmd/alertmanager", Version: "v0.31.1",
			LDFlags:     "-X github.com/prometheus/common/version.Version=0.31.1",
			VersionArgs: []string{"--version"}, Suitable: atLeast("v0.27.0"),
		},
		{
			Name: "prometheus", Package: "github.com/prometheus/prometheus/cmd/prometheus", Version: "v3.13.5",
			LDFlags:     "-X github.com/prometheus/common/version.Version=3.13.5",
			VersionArgs: []string{"--version"}, Suitable: atLeast("v3.0.0"),
		},
		kube("kubectl", "k8s.io/kubernetes/cmd/", "version", "--client"),
	}
}

// output is the name that the go command gives to the program: the last element of its package that is no version.
func (p Program) output() string {
	if prefix, _, ok := module.SplitPathVersion(p.Package); ok {
		return path.Base(prefix)
	}
	return path.Base(p.Package)
}

// kubernetesLDFlags stamps the version into Kubernetes binaries: without it kubectl cannot parse the server's version.
func kubernetesLDFlags() string {
	minor := strings.Split(kubernetesVersion, ".")[1]
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, stamp := range []string{
			"gitVersion=" + kubernetesVersion, "gitMajor=1", "gitMinor=" + minor, "gitCommit=" + kubernetesVersion,
			"gitTreeState=clean", "buildDate=1970-01-01T00:00:00Z",
		} {
			flags = append(flags, "-X "+pkg+"."+stamp)
		}
	}
	return strings.Join(flags, " ")
}

func atLeast(oldest string) func(string) bool {
	return func(version string) bool { return semver.Compare(version, oldest) >= 0 }
}

func sameMinor(version string) func(string) bool {
	return func(found string) bool { return semver.MajorMinor(found) == semver.MajorMinor(version) }
}

var versionPattern = regexp.MustCompile(`\bv?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)`)

// parseVersion returns the first version in the output of a program; empty when there is none.
func parseVersion(output string) string {
	match := versionPattern.FindStringSubmatch(output)
	if match == nil {
		return ""
	}
	return semver.Canonical("v" + match[1])
}
