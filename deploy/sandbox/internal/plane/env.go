package plane

import (
	"fmt"
	"strings"
)

// Env is the addresses and paths that a client of a sandbox needs. Addresses of components that do not run are empty. Its JSON
// names are a contract with the tests and the demo.
type Env struct {
	Name               string `json:"name"`
	PID                int    `json:"pid"`
	Dir                string `json:"dir"` // All of the sandbox's files; removed when it ends.
	Bin                string `json:"bin"` // kubectl and everything that runs.
	Kubeconfig         string `json:"kubeconfig"`
	APIServerURL       string `json:"apiserverURL"`
	MetricsServerURL   string `json:"metricsServerURL,omitempty"` // The API server sends requests here, and to the next; clients use the API server.
	MetricsAdapterURL  string `json:"metricsAdapterURL,omitempty"`
	NATSURL            string `json:"natsURL,omitempty"`
	NATSMonitoringURL  string `json:"natsMonitoringURL,omitempty"`
	AlertmanagerURL    string `json:"alertmanagerURL,omitempty"`
	AlertmanagerConfig string `json:"alertmanagerConfig,omitempty"` // Edit it, then POST to /-/reload.
	PrometheusURL      string `json:"prometheusURL,omitempty"`
	PrometheusConfig   string `json:"prometheusConfig,omitempty"` // Edit it, then POST to /-/reload.
}

// Shell renders the environment as POSIX shell commands. Names start with prefix.
func (e Env) Shell(prefix string) string {
	var out strings.Builder
	for _, variable := range []struct{ name, value string }{
		{"KUBECONFIG", e.Kubeconfig},
		{"APISERVER_URL", e.APIServerURL},
		{"NATS_URL", e.NATSURL},
		{"NATS_MONITORING_URL", e.NATSMonitoringURL},
		{"PROMETHEUS_URL", e.PrometheusURL},
		{"PROMETHEUS_CONFIG", e.PrometheusConfig},
		{"ALERTMANAGER_URL", e.AlertmanagerURL},
		{"ALERTMANAGER_CONFIG", e.AlertmanagerConfig},
		{"SANDBOX_DIR", e.Dir},
		{"SANDBOX_BIN", e.Bin},
	} {
		if variable.value != "" {
			fmt.Fprintf(&out, "export %s%s=%s\n", prefix, variable.name, quote(variable.value))
		}
	}
	if prefix == "" {
		fmt.Fprintf(&out, "export PATH=%s:\"$PATH\"\n", quote(e.Bin))
	}
	return out.String()
}

// quote makes a value one word of a POSIX shell.
func quote(value string) string {
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
