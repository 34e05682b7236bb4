package plane

import (
	"context"
	"net"
	"strconv"
)

const (
	// aggregatedNamespace has a Service for each component that the API server passes requests on to, with the name of the component.
	aggregatedNamespace = "kube-system"
	// usagePath is the annotation of a node with the path at which its kubelet serves the usage of pods.
	usagePath = "metrics.k8s.io/resource-metrics-path"
)

// metricsServerComponent reads the usage of pods from the kubelets, which KWOK simulates, as often as it can. It has the usage of a new
// pod after two rounds. It is ready before it has any usage.
func (l *layout) metricsServerComponent() component {
	return component{
		Spec: l.spec(MetricsServer, append(l.aggregated(l.metrics, MetricsServer),
			"--kubeconfig="+l.kubeconfig(MetricsServer),
			"--kubelet-preferred-address-types=InternalIP",
			"--kubelet-use-node-status-port",
			"--kubelet-certificate-authority="+l.cert("ca.crt"),
			"--kubelet-request-timeout=5s",
			"--metric-resolution=10s", // Its least.
		)...),
		after: []string{APIServer},
		ready: "https://" + l.metrics + "/livez",
	}
}

// metricsAdapterComponent serves what Prometheus has scraped.
func (l *layout) metricsAdapterComponent() component {
	return component{
		Spec: l.spec(MetricsAdapter, append(l.aggregated(l.adapter, MetricsAdapter),
			"--lister-kubeconfig="+l.kubeconfig(MetricsAdapter),
			"--prometheus-url=http://"+l.prometheus,
		)...),
		after: []string{APIServer, Prometheus},
		ready: "https://" + l.adapter + "/livez",
	}
}

// aggregated is how a component serves an API that the API server passes requests on for: it asks the API server who sends them.
func (l *layout) aggregated(address, user string) []string {
	return append(l.serving(address),
		"--authentication-kubeconfig="+l.kubeconfig(user),
		"--authorization-kubeconfig="+l.kubeconfig(user),
	)
}

// apiVersion is a version of an API that a component serves. That with the highest priority is the preferred one of the group.
type apiVersion struct {
	group, version string
	priority       int
}

// bootMetrics has the API server pass metrics.k8s.io on to metrics-server, and returns when it does.
func (s *Sandbox) bootMetrics(ctx context.Context) error {
	if err := s.register(ctx, MetricsServer, s.metrics, apiVersion{"metrics.k8s.io", "v1beta1", 100}); err != nil {
		return err
	}
	return s.awaitAnswer(ctx, "the API of "+MetricsServer, "/apis/metrics.k8s.io/v1beta1/nodes")
}

// bootAdapter has the API server pass the two APIs of metrics adapters on to ours, in the versions that prometheus-adapter registers,
// and returns when it does.
func (s *Sandbox) bootAdapter(ctx context.Context) error {
	all := []apiVersion{
		{"custom.metrics.k8s.io", "v1beta1", 100}, {"custom.metrics.k8s.io", "v1beta2", 200}, {"external.metrics.k8s.io", "v1beta1", 100},
	}
	if err := s.register(ctx, MetricsAdapter, s.adapter, all...); err != nil {
		return err
	}
	for _, v := range all {
		if err := s.awaitAnswer(ctx, "the API of "+MetricsAdapter, "/apis/"+v.group+"/"+v.version); err != nil {
			return err
		}
	}
	return nil
}

// register makes the API server pass APIs on to a component. A Service in front of a program on a loopback address must have an external
// name: no Endpoints may hold such an address.
func (s *Sandbox) register(ctx context.Context, component, address string, versions ...apiVersion) error {
	host, text, _ := net.SplitHostPort(address) // Ours: always right.
	port, _ := strconv.Atoi(text)
	metadata := func(name string) map[string]any { return map[string]any{"name": name} }
	service := map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": metadata(component),
		"spec": map[string]any{"type": "ExternalName", "externalName": host},
	}
	if err := s.awaitAnswer(ctx, "namespace "+aggregatedNamespace, "/api/v1/namespaces/"+aggregatedNamespace); err != nil {
		return err
	}
	if err := s.api.create(ctx, "/api/v1/namespaces/"+aggregatedNamespace+"/services", service); err != nil {
		return err
	}
	for _, v := range versions {
		registration := map[string]any{
			"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": metadata(v.version + "." + v.group),
			"spec": map[string]any{
				"group": v.group, "version": v.version, "groupPriorityMinimum": 100, "versionPriority": v.priority,
				"service":  map[string]any{"name": component, "namespace": aggregatedNamespace, "port": port},
				"caBundle": s.authority.pem,
			},
		}
		if err := s.api.create(ctx, "/apis/apiregistration.k8s.io/v1/apiservices", registration); err != nil {
			return err
		}
	}
	return nil
}

// awaitAnswer waits until the API server answers a path. what completes the sentence "wait for …".
func (s *Sandbox) awaitAnswer(ctx context.Context, what, path string) error {
	return await(ctx, "wait for "+what, func(ctx context.Context) (bool, error) { return s.api.answers(ctx, s.api.url+path), nil })
}
