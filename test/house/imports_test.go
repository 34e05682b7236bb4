package house

import (
	"slices"
	"strings"
	"testing"
)

// may lists, for each room, the rooms of ours that it may import; a room includes the folders below it. Tests may also
// import the test support in internal/sandboxtest and the rooms they are about.
var may = map[string][]string{
	"scalers":              {},
	"actuator":             {},
	"api":                  {},
	"triggers":             {"triggers", "scalers", "internal/natsclient", "internal/printable"},
	"internal/statefile":   {},
	"internal/alerts":      {"triggers", "api", "scalers", "internal/statefile"},
	"internal/doors":       {"triggers", "scalers", "internal/alerts"},
	"internal/leader":      {},
	"internal/workload":    {"api", "scalers", "triggers", "actuator", "internal/formula"},
	"internal/advice":      {"api", "scalers", "internal/workload", "internal/formula"},
	"internal/convert":     {"api", "scalers", "internal/workload"},
	"internal/manifest":    {"api", "scalers", "triggers", "internal/workload", "internal/convert", "internal/advice", "internal/printable", "internal/regular"},
	"internal/pipeline":    {"scalers", "triggers", "actuator", "internal/workload"},
	"internal/report":      {"api", "scalers", "triggers", "actuator", "internal/workload", "internal/pipeline", "internal/printable"},
	"internal/controller":  {"api", "scalers", "triggers", "actuator", "internal/workload", "internal/manifest", "internal/pipeline", "internal/report", "internal/statefile"},
	"internal/formula":     {},
	"internal/printable":   {},
	"internal/regular":     {},
	"internal/egress":      {},
	"internal/rehearsal":   {"scalers", "triggers", "internal/workload"},
	"internal/policytest":  {"api", "scalers", "triggers", "internal/workload", "internal/manifest", "internal/rehearsal", "internal/printable", "internal/regular"},
	"internal/simulation":  {"scalers", "triggers", "internal/workload", "internal/manifest", "internal/rehearsal", "internal/printable", "internal/regular"},
	"internal/explain":     {"api", "scalers", "triggers", "internal/workload", "internal/printable"},
	"internal/recorded":    {"api", "triggers", "internal/workload", "internal/alerts"},
	"internal/kubeconfig":  {},
	"internal/uninstall":   {"api", "internal/controller", "internal/report"},
	"internal/server":      {"triggers", "scalers", "internal/alerts", "internal/doors", "internal/peer", "internal/printable", "internal/regular"},
	"internal/natsclient":  {"triggers"},
	"internal/peer":        {},
	"internal/app":         {"api", "scalers", "triggers", "actuator", "internal"},
	"cmd":                  {"api", "scalers", "triggers/builtin", "internal"},
	"internal/local":       {},
	"deploy":               {"internal/local"},
	"bench":                {"api", "scalers", "internal/local"},
	"test":                 {"api", "scalers", "triggers", "actuator", "internal", "test"},
	"internal/sandboxtest": {"internal/local"},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, f := range files(t) {
		room := roomOf(f.dir)
		if room == "" {
			t.Errorf("%s: no room of the house: add its folder to the list in this test, and to docs/architecture.md", f.path)
			continue
		}
		for _, path := range f.imports {
			target, ours := strings.CutPrefix(path, module+"/")
			if !ours || below(target, f.dir) || allowed(room, target) {
				continue
			}
			if f.test() && (target == "internal/sandboxtest" || target == "triggers/triggertest") {
				continue
			}
			t.Errorf("%s imports %s: %s may import only %v", f.path, target, room, may[room])
		}
	}
}

func TestTheCoreImportsTheStandardLibraryOnly(t *testing.T) {
	for _, f := range files(t) {
		if roomOf(f.dir) != "scalers" || f.test() {
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

func TestTriggersKnowNothingOfEachOther(t *testing.T) {
	for _, f := range files(t) {
		kind, ok := strings.CutPrefix(f.dir, "triggers/")
		if !ok || strings.HasPrefix(kind, "builtin") || strings.HasPrefix(kind, "triggertest") {
			continue
		}
		for _, path := range f.imports {
			other, ours := strings.CutPrefix(path, module+"/triggers/")
			if ours && other != kind && !strings.HasPrefix(other, kind+"/") && (!f.test() || other != "triggertest") {
				t.Errorf("%s imports triggers/%s", f.path, other)
			}
		}
	}
}

func roomOf(dir string) string {
	best := ""
	for room := range may {
		if below(dir, room) && len(room) > len(best) {
			best = room
		}
	}
	return best
}

func below(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

func allowed(room, target string) bool {
	return below(target, room) || slices.ContainsFunc(may[room], func(r string) bool { return below(target, r) })
}
