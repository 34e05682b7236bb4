package helm

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// operators is the module that pins the projects whose objects the chart creates.
const operators = "test/chart/operators"

// definitions are the CustomResourceDefinitions of those objects, by the module that has them.
var definitions = map[string][]string{
	"github.com/prometheus-operator/prometheus-operator": {
		"example/prometheus-operator-crd/monitoring.coreos.com_alertmanagerconfigs.yaml", "example/prometheus-operator-crd/monitoring.coreos.com_alertmanagers.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml", "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
	},
	"github.com/cert-manager/cert-manager": {"deploy/crds/cert-manager.io_certificates.yaml"},
}

// Definitions returns a folder with the CustomResourceDefinitions of other projects: of the objects that the chart creates, and of Alertmanager. root is the path of the
// repository's root from the package of the test.
func Definitions(tb testing.TB, root string) string {
	tb.Helper()
	folder := tb.TempDir()
	for module, files := range definitions {
		download := exec.CommandContext(tb.Context(), "go", "-C", filepath.Join(root, operators), "mod", "download", "-json", module)
		out, err := download.Output()
		var found struct{ Dir, Error string }
		if parsed := json.Unmarshal(out, &found); err != nil || parsed != nil || found.Error != "" {
			tb.Fatalf("download %s: %v, %s", module, err, found.Error)
		}
		for _, file := range files {
			content, err := os.ReadFile(filepath.Join(found.Dir, file))
			if err != nil {
				tb.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, filepath.Base(file)), content, 0o600); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return folder
}
