package plane

import (
	"fmt"
	"os"
	"strings"

	metricsresource "sigs.k8s.io/kwok/kustomize/metrics/resource"
	metricsusage "sigs.k8s.io/kwok/kustomize/metrics/usage"
	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	nodeheartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
)

// prepare writes every file that the components read.
func (l *layout) prepare(a *authority) error {
	for _, dir := range []string{"bin", "certs", "logs", "rules", "scrape", "tmp"} {
		if err := os.MkdirAll(l.path(dir), 0o700); err != nil {
			return fmt.Errorf("create the sandbox's folders: %w", err)
		}
	}
	if err := writeCerts(l.path("certs"), a); err != nil {
		return err
	}
	if err := l.writeKubeconfigs(a); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"kwok.yaml":        kwokConfig(),
		"prometheus.yml":   l.defaultPrometheusConfig(),
		"alertmanager.yml": defaultAlertmanagerConfig,
	} {
		if err := os.WriteFile(l.path(name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("write the configuration: %w", err)
		}
	}
	return nil
}

// writeKubeconfigs gives each client of the API server an identity of its own, with the permissions that Kubernetes itself
// gives to that identity.
func (l *layout) writeKubeconfigs(a *authority) error {
	for _, user := range []struct{ file, name, group string }{
		{"admin", "sandbox-admin", "system:masters"},
		{"controller-manager", "system:kube-controller-manager", ""},
		{"scheduler", "system:kube-scheduler", ""},
		{"kwok", "kwok", "system:masters"},
		{"metrics-server", "metrics-server", "system:masters"},
		{"metrics-adapter", "metrics-adapter", "system:masters"},
	} {
		client, err := a.client(user.name, user.group)
		if err != nil {
			return err
		}
		if err := writeKubeconfig(l.kubeconfig(user.file), "https://"+l.apiserver, a, client); err != nil {
			return err
		}
	}
	return nil
}

// kwokConfig is how KWOK makes nodes and pods Ready, its own fast stages, and what the pods use: what their annotations
// kwok.x-k8s.io/usage-cpu and kwok.x-k8s.io/usage-memory say, for each container.
func kwokConfig() string {
	return strings.Join([]string{
		nodefast.DefaultNodeInit, nodeheartbeat.DefaultNodeHeartbeat,
		podfast.DefaultPodReady, podfast.DefaultPodComplete, podfast.DefaultPodDelete,
		metricsusage.DefaultUsageFromAnnotation, metricsresource.DefaultMetricsResource,
	}, "\n---\n")
}

// defaultPrometheusConfig scrapes and fires nothing until files are put into the folders rules and scrape.
func (l *layout) defaultPrometheusConfig() string {
	config := `global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [rules/*.yml]
scrape_config_files: [scrape/*.yml]
`
	if l.runs(Alertmanager) {
		config += "alerting:\n  alertmanagers:\n  - static_configs:\n    - targets: ['" + l.alertmanager + "']\n"
	}
	return config
}

// defaultAlertmanagerConfig accepts every alert and has no receiver.
const defaultAlertmanagerConfig = `route:
  receiver: nobody
receivers:
- name: nobody
`
