package house

import (
	"slices"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	t.Run("imports follow the arrows", testImportsFollowArrows)
	t.Run("the core imports the standard library only", testCoreImportsStandardLibraryOnly)
	t.Run("triggers do not import each other", testTriggersDoNotImportEachOther)
	t.Run("the binary does not link the types of all groups of Kubernetes", testBinaryDoesNotLinkTypesOfAllGroups)
}

// may lists the arrows of docs/architecture.md: for each folder, the folders of ours that it may import. A folder includes the
// ones below it; the arrows between the packages of one folder are in within. Tests may also import internal/testkit and the
// packages that they are about.
var may = map[string][]string{
	"scalers":              {},
	"actuator":             {"internal/kube/watch", "internal/kube/typed", "internal/workqueue"},
	"api":                  {},
	"triggers":             {"scalers", "internal/diag", "internal/printable", "internal/workqueue"},
	"internal/policy":      {"api", "scalers", "triggers", "actuator", "internal/diag", "internal/printable", "internal/regularfile", "internal/strictyaml"},
	"internal/ingest":      {"internal/kube/typed", "api", "scalers", "triggers", "internal/statefile", "internal/printable", "internal/regularfile", "internal/strictyaml"},
	"internal/control":     {"internal/ingest", "internal/policy", "internal/kube", "api", "scalers", "triggers", "actuator", "internal/statefile", "internal/workqueue", "internal/diag", "internal/printable", "internal/regularfile", "internal/strictyaml", "internal/analysis/explain", "internal/analysis/doctor", "third_party/leaderelection"},
	"internal/analysis":    {"deploy/manifests", "internal/policy", "api", "scalers", "triggers", "internal/diag", "internal/printable", "internal/regularfile", "internal/strictyaml"},
	"internal/kube":        {"api", "internal/diag", "internal/workqueue"},
	"internal/statefile":   {},
	"internal/diag":        {"internal/printable"},
	"internal/printable":   {},
	"internal/regularfile": {},
	"internal/strictyaml":  {"internal/diag"},
	"internal/workqueue":   {},
	"internal/testkit":     {},
	"cmd":                  {"api", "scalers", "triggers/builtin", "internal"},
	"deploy":               {"internal/testkit/process"},
	"bench":                {"triggers/external/externalscaler", "internal/testkit/process"},
	"test":                 {"api", "scalers", "triggers", "actuator", "internal", "deploy/demo/scenario"},
}

// within lists the arrows between the packages of one folder under internal. A package that it does not name imports none of its
// siblings.
var within = map[string][]string{
	"internal/ingest/httpserver":       {"internal/ingest/auth", "internal/ingest/endpoints", "internal/ingest/forward", "internal/ingest/loglimit", "internal/ingest/store"},
	"internal/ingest/endpoints":        {"internal/ingest/loglimit", "internal/ingest/store"},
	"internal/policy/compile":          {"internal/policy/formula"},
	"internal/policy/lint":             {"internal/policy/compile", "internal/policy/formula"},
	"internal/policy/convert":          {"internal/policy/compile"},
	"internal/policy/manifest":         {"internal/policy/compile", "internal/policy/convert", "internal/policy/lint"},
	"internal/kube/events":             {"internal/kube/writes"},
	"internal/kube/objects":            {"internal/kube/apiclient"},
	"internal/kube/watch":              {"internal/kube/typed"},
	"internal/control/app":             {"internal/control"},
	"internal/control/controller":      {"internal/control/autoscaler", "internal/control/credentials", "internal/control/live", "internal/control/status"},
	"internal/control/inspect":         {"internal/control/definitions", "internal/control/election"},
	"internal/control/live":            {"internal/control/autoscaler", "internal/control/status"},
	"internal/control/credentials":     {"internal/control/cloudvault", "internal/control/vault"},
	"internal/control/status":          {"internal/control/autoscaler", "internal/control/notify"},
	"internal/control/servingcert":     {"internal/control/election"},
	"internal/control/serviceproxy":    {"internal/control/live"},
	"internal/control/uninstall":       {"internal/control/controller", "internal/control/status"},
	"internal/analysis/policytest":     {"internal/analysis/engine"},
	"internal/analysis/top":            {"internal/analysis/overview"},
	"internal/analysis/simulate":       {"internal/analysis/engine"},
	"internal/testkit":                 {"internal/testkit/process"},
	"internal/testkit/debian":          {"internal/testkit", "internal/testkit/process"},
	"internal/testkit/grpcserver":      {},
	"internal/testkit/helm":            {},
	"internal/testkit/promtool":        {"internal/testkit", "internal/testkit/sandbox"},
	"internal/testkit/sandbox":         {"internal/testkit", "internal/testkit/process"},
	"internal/testkit/victoriametrics": {"internal/testkit", "internal/testkit/sandbox"},
}

func testImportsFollowArrows(t *testing.T) {
	for _, f := range files(t) {
		folder := folderOf(f.dir)
		if folder == "" {
			t.Errorf("%s: the folder is unknown: add it to the list in this test, and to docs/architecture.md", f.path)
			continue
		}
		for _, path := range f.imports {
			target, ours := strings.CutPrefix(path, module+"/")
			if !ours || f.test() && (below(target, "internal/testkit") || target == "triggers/triggertest") {
				continue
			}
			if !allowed(folder, target, f.dir) {
				t.Errorf("%s imports %s: %s may import only %v", f.path, target, folder, may[folder])
			}
		}
	}
}

func testCoreImportsStandardLibraryOnly(t *testing.T) {
	for _, f := range files(t) {
		if folderOf(f.dir) != "scalers" || f.test() {
			continue
		}
		for _, path := range f.imports {
			if strings.Contains(path, ".") {
				t.Errorf("%s imports %s: the core has no dependency", f.path, path)
			}
		}
		for _, call := range []string{"time.Now(", "time.Since(", "time.After(", "time.NewTimer("} {
			if strings.Contains(f.source, call) {
				t.Errorf("%s calls %s): time comes in as an argument", f.path, call)
			}
		}
	}
}

func testTriggersDoNotImportEachOther(t *testing.T) {
	for _, f := range files(t) {
		kind, ok := strings.CutPrefix(f.dir, "triggers/")
		if !ok || strings.HasPrefix(kind, "builtin") || strings.HasPrefix(kind, "triggertest") || strings.HasPrefix(kind, "internal/") {
			continue
		}
		kind, _, _ = strings.Cut(kind, "/") // The packages of a kind are below its folder.
		for _, path := range f.imports {
			other, ours := strings.CutPrefix(path, module+"/triggers/")
			if ours && !strings.HasPrefix(other, "internal/") && other != kind && !strings.HasPrefix(other, kind+"/") && (!f.test() || other != "triggertest") {
				t.Errorf("%s imports triggers/%s", f.path, other)
			}
		}
	}
}

// Each of these packages imports client-go's scheme, which registers the types of all groups when a program starts: 8 MB of the binary. See
// internal/kube/typed.
func testBinaryDoesNotLinkTypesOfAllGroups(t *testing.T) {
	heavy := []string{
		"k8s.io/client-go/kubernetes", "k8s.io/client-go/informers", "k8s.io/client-go/discovery", "k8s.io/client-go/applyconfigurations",
		"k8s.io/client-go/tools/leaderelection", "k8s.io/metrics/pkg/client/custom_metrics",
	}
	light := "k8s.io/metrics/pkg/client/custom_metrics/scheme"
	for _, f := range files(t) {
		if f.test() || !slices.Contains([]string{"actuator", "api", "cmd", "internal", "scalers", "triggers"}, strings.Split(f.dir, "/")[0]) || below(f.dir, "internal/testkit") {
			continue
		}
		for _, path := range f.imports {
			if path != light && slices.ContainsFunc(heavy, func(h string) bool { return below(path, h) }) {
				t.Errorf("%s imports %s, with the types of all groups: use internal/kube/typed", f.path, path)
			}
		}
	}
}

// folderOf returns the folder of may that a directory belongs to, and "" if there is none.
func folderOf(dir string) string {
	best := ""
	for folder := range may {
		if below(dir, folder) && len(folder) > len(best) {
			best = folder
		}
	}
	return best
}

func below(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }

// allowed reports whether a file in dir, which belongs to folder, may import target.
func allowed(folder, target, dir string) bool {
	list := may[folder]
	if below(target, folder) {
		if !strings.HasPrefix(folder, "internal/") || below(target, dir) {
			return true
		}
		list = within[dir]
	}
	return slices.ContainsFunc(list, func(f string) bool { return below(target, f) })
}
