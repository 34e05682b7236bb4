package plane

import (
	"context"
	"net"
	"strconv"
)

const (
	// metricsService, in metricsNamespace, is the name under which the API server finds metrics-server, as in any cluster.
	metricsService   = "metrics-server"
	metricsNamespace = "kube-system"
	// usagePath is the annotation of a node with the path at which its kubelet serves the usage of pods.
	usagePath = "metrics.k8s.io/resource-metrics-path"
)

// metricsServerComponent reads the usage of pods from the kubelets, which KWOK simulates, as often as it can. It has the usage of a new
// pod after two rounds. It is ready before it has any usage.
func (l *layout) metricsServerComponent() component {
	return component{
		Spec: l.spec(MetricsServer, append(l.serving(l.metrics),
			"--kubeconfig="+l.kubeconfig("metrics-server"),
			"--authentication-kubeconfig="+l.kubeconfig("metrics-server"),
			"--authorization-kubeconfig="+l.kubeconfig("metrics-server"),
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

// bootMetrics has the API server pass metrics.k8s.io on to metrics-server, and returns when it does. A Service in front of
// a program on a loopback address must have an external name: no Endpoints may hold such an address.
func (s *Sandbox) bootMetrics(ctx context.Context) error {
	host, text, _ := net.SplitHostPort(s.metrics) // Ours: always right.
	port, _ := strconv.Atoi(text)
	metadata := func(name string) map[string]any { return map[string]any{"name": name} }
	service := map[string]any{
		"apiVersion": "v1", "kind": "Service", "metadata": metadata(metricsService),
		"spec": map[string]any{"type": "ExternalName", "externalName": host},
	}
	registration := map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": metadata("v1beta1.metrics.k8s.io"),
		"spec": map[string]any{
			"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
			"service":  map[string]any{"name": metricsService, "namespace": metricsNamespace, "port": port},
			"caBundle": s.authority.pem,
		},
	}
	if err := await(ctx, "wait for namespace "+metricsNamespace, func(ctx context.Context) (bool, error) {
		return s.api.answers(ctx, s.api.url+"/api/v1/namespaces/"+metricsNamespace), nil
	}); err != nil {
		return err
	}
	if err := s.api.create(ctx, "/api/v1/namespaces/"+metricsNamespace+"/services", service); err != nil {
		return err
	}
	if err := s.api.create(ctx, "/apis/apiregistration.k8s.io/v1/apiservices", registration); err != nil {
		return err
	}
	return await(ctx, "wait for the API of "+MetricsServer, func(ctx context.Context) (bool, error) {
		return s.api.answers(ctx, s.api.url+"/apis/metrics.k8s.io/v1beta1/nodes"), nil
	})
}
