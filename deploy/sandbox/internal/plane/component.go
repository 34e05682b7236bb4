package plane

import (
	"path/filepath"

	"github.com/impulse-sh/impulse/deploy/sandbox/internal/process"
)

// component is one program of the sandbox: its command, its dependencies, and its readiness endpoint.
type component struct {
	process.Spec
	after []string // What must be ready before.
	ready string   // The URL that answers 200 when it is.
}

// addresses are the loopback addresses, host and port, that a sandbox listens on.
type addresses struct {
	etcd, etcdPeer, apiserver, controllerManager, scheduler, kwok string
	metrics, adapter, nats, natsMonitoring, alertmanager          string
	prometheus                                                    string
}

func (a *addresses) all() []*string {
	return []*string{
		&a.etcd, &a.etcdPeer, &a.apiserver, &a.controllerManager, &a.scheduler, &a.kwok,
		&a.metrics, &a.adapter, &a.nats, &a.natsMonitoring, &a.alertmanager, &a.prometheus,
	}
}

// layout is where a sandbox's files are and where it listens.
type layout struct {
	Options
	addresses
}

func (l *layout) path(elements ...string) string {
	return filepath.Join(append([]string{l.Dir}, elements...)...)
}

func (l *layout) cert(name string) string       { return l.path("certs", name) }
func (l *layout) kubeconfig(user string) string { return l.path(user + ".kubeconfig") }
func (l *layout) binary(name string) string     { return l.path("bin", name) }

func (l *layout) prometheusConfig() string {
	if l.PrometheusConfig != "" {
		return l.PrometheusConfig
	}
	return l.path("prometheus.yml")
}

func (l *layout) alertmanagerConfig() string {
	if l.AlertmanagerConfig != "" {
		return l.AlertmanagerConfig
	}
	return l.path("alertmanager.yml")
}

// spec completes what all components have in common. They see nothing of the user's environment: no KUBECONFIG, no ETCD_*,
// no proxy.
func (l *layout) spec(name string, args ...string) process.Spec {
	return process.Spec{
		Name: name,
		Path: l.binary(name),
		Args: args,
		Env:  []string{"HOME=" + l.Dir, "TMPDIR=" + l.path("tmp"), "PATH=" + l.path("bin"), "NO_PROXY=*"},
		Dir:  l.path("tmp"),
		Log:  l.path("logs", name+".log"),
	}
}

// components lists the components that the options select.
func (l *layout) components() []component {
	all := []component{
		l.etcdComponent(), l.apiserverComponent(), l.controllerManagerComponent(), l.schedulerComponent(), l.kwokComponent(),
		l.metricsServerComponent(), l.metricsAdapterComponent(), l.natsComponent(), l.alertmanagerComponent(), l.prometheusComponent(),
	}
	var chosen []component
	for _, c := range all {
		if l.runs(c.Name) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// env returns the addresses of the running components.
func (l *layout) env(pid int, there func(component string) bool) Env {
	e := Env{
		Name: l.Name, PID: pid, Dir: l.Dir, Bin: l.path("bin"),
		Kubeconfig: l.kubeconfig("admin"), APIServerURL: "https://" + l.apiserver,
	}
	if there(MetricsServer) {
		e.MetricsServerURL = "https://" + l.metrics
	}
	if there(MetricsAdapter) {
		e.MetricsAdapterURL = "https://" + l.adapter
	}
	if there(NATS) {
		e.NATSURL, e.NATSMonitoringURL = "nats://"+l.nats, "http://"+l.natsMonitoring
	}
	if there(Alertmanager) {
		e.AlertmanagerURL, e.AlertmanagerConfig = "http://"+l.alertmanager, l.alertmanagerConfig()
	}
	if there(Prometheus) {
		e.PrometheusURL, e.PrometheusConfig = "http://"+l.prometheus, l.prometheusConfig()
	}
	return e
}
