package kedatypes

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// files are those of KEDA that have the parameters of the types that Impulse reads itself.
var files = map[string][]string{
	"apache-kafka":           {"apache_kafka_scaler.go"},
	"cpu":                    {"cpu_memory_scaler.go"},
	"cron":                   {"cron_scaler.go"},
	"external":               {"external_scaler.go"},
	"external-push":          {"external_scaler.go"},
	"kafka":                  {"kafka_scaler.go"},
	"kubernetes-workload":    {"kubernetes_workload_scaler.go"},
	"memory":                 {"cpu_memory_scaler.go"},
	"metrics-api":            {"metrics_api_scaler.go", "authentication/authentication_types.go"},
	"mysql":                  {"mysql_scaler.go"},
	"nats-jetstream":         {"nats_jetstream_scaler.go"},
	"postgresql":             {"postgresql_scaler.go"},
	"prometheus":             {"prometheus_scaler.go", "authentication/authentication_types.go"},
	"rabbitmq":               {"rabbitmq_scaler.go"},
	"redis":                  {"redis_scaler.go"},
	"redis-cluster":          {"redis_scaler.go"},
	"redis-cluster-streams":  {"redis_streams_scaler.go"},
	"redis-sentinel":         {"redis_scaler.go"},
	"redis-sentinel-streams": {"redis_streams_scaler.go"},
	"redis-streams":          {"redis_streams_scaler.go"},
}

// without are the parameters that Impulse does not have, with the reason. `impulse convert` removes them with a note.
var without = map[string]string{
	"apiKey of prometheus":                   "KEDA sends no key to Prometheus",
	"clientID of metrics-api":                "KEDA refuses authMode oauth",
	"clientSecret of metrics-api":            "KEDA refuses authMode oauth",
	"databaseIndex of redis-cluster":         "a cluster has only the database 0",
	"databaseIndex of redis-cluster-streams": "a cluster has only the database 0",
	"endpointParams of metrics-api":          "KEDA refuses authMode oauth",
	"fullMetadata of kafka":                  "it only limits what the client asks for",
	"keyParamName of prometheus":             "KEDA sends no key to Prometheus",
	"method of prometheus":                   "KEDA sends no key to Prometheus",
	"metricName of mysql":                    "it has no effect in KEDA",
	"oauthTokenURI of metrics-api":           "KEDA refuses authMode oauth",
	"scope of metrics-api":                   "KEDA refuses authMode oauth",
	"scopes of metrics-api":                  "KEDA refuses authMode oauth",
	"sentinelMaster of redis":                "only the Sentinel forms read it",
	"sentinelMaster of redis-cluster":        "only the Sentinel forms read it",
	"sentinelPassword of redis":              "only the Sentinel forms read it",
	"sentinelPassword of redis-cluster":      "only the Sentinel forms read it",
	"sentinelUsername of redis":              "only the Sentinel forms read it",
	"sentinelUsername of redis-cluster":      "only the Sentinel forms read it",
	"type of cpu":                            "it is the old form of metricType, which convert writes",
	"type of memory":                         "it is the old form of metricType, which convert writes",
}

func TestParameters(t *testing.T) {
	t.Run("Impulse has each parameter of KEDA's scalers", testImpulseHasEachParameter)
}

func testImpulseHasEachParameter(t *testing.T) {
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/kedacore/keda/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for kind, names := range files {
		ours := documented(t, kind)
		for _, name := range names {
			all := parameters(t, filepath.Join(strings.TrimSpace(string(folder)), "pkg/scalers", name))
			if len(all) == 0 {
				t.Errorf("%s has no parameter", name)
			}
			for _, p := range all {
				_, known := without[p+" of "+kind]
				seen[p+" of "+kind] = true
				if has := slices.Contains(ours, p); has == known {
					t.Errorf("%s of %s: in docs/triggers.md: %t, in the list of those that Impulse does not have: %t", p, kind, has, known)
				}
			}
		}
	}
	for p := range without {
		if !seen[p] {
			t.Errorf("KEDA has no %s", p)
		}
	}
}

// tag is the tag of a field that KEDA fills, and its names.
var tag = regexp.MustCompile("`keda:\"name=([A-Za-z;]+)")

// parameters returns the names of all parameters in a file of KEDA.
func parameters(t *testing.T, path string) (all []string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range tag.FindAllStringSubmatch(string(content), -1) {
		all = append(all, strings.Split(match[1], ";")...)
	}
	return all
}

// row begins a row of a table of parameters.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// documented returns the parameters of a type in the reference, which is generated from the code.
func documented(t *testing.T, kind string) (all []string) {
	t.Helper()
	content, err := os.ReadFile("../../../../docs/triggers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(content), "\n## "+kind+"\n")
	if !found {
		t.Fatalf("docs/triggers.md has no section %s", kind)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, match := range row.FindAllStringSubmatch(section, -1) {
		all = append(all, match[1])
	}
	return all
}
