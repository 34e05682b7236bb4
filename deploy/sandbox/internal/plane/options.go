package plane

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The components that a sandbox can run. It needs etcd and the API server.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"
	MetricsServer     = "metrics-server"
	MetricsAdapter    = "metrics-adapter"
	NATS              = "nats-server"
	Alertmanager      = "alertmanager"
	Prometheus        = "prometheus"

	// Kubectl is not a running component: users and tests call it.
	Kubectl = "kubectl"
)

// Options select the parts of a sandbox.
type Options struct {
	Name               string
	Dir                string // Absolute; everything the sandbox writes is in it.
	Executable         string // This program, which the guard is another run of.
	Components         []string
	WithoutKubectl     bool
	Nodes              int           // How many nodes KWOK simulates.
	PrometheusConfig   string        // When empty, a minimal one in Dir.
	AlertmanagerConfig string        // When empty, a minimal one in Dir.
	HPASyncPeriod      time.Duration // How often HorizontalPodAutoscalers decide; 0: Kubernetes' default.
	UnsafeNoFsync      bool          // Whether etcd leaves writing to the system: faster on slow disks, and not what is measured.
	RetainDir          bool          // Whether Dir stays when the sandbox ends.
	Remove             []string
}

// Full returns a component's full name, or an error that lists them all. The parts that all of Kubernetes' own names share
// may be left out: nats, apiserver.
func Full(name string) (string, error) {
	all := []string{Etcd, APIServer, ControllerManager, Scheduler, Kwok, MetricsServer, MetricsAdapter, NATS, Alertmanager, Prometheus}
	for _, full := range all {
		if name == full || name == strings.TrimPrefix(full, "kube-") || name == strings.TrimSuffix(full, "-server") {
			return full, nil
		}
	}
	return "", fmt.Errorf("unknown component %q: there are %s", name, strings.Join(all, ", "))
}

// Select returns the components of the control plane except without, and the named ones beside it.
func Select(with, without []string) ([]string, error) {
	chosen := []string{Etcd, APIServer, ControllerManager, Scheduler, Kwok}
	beside := []string{MetricsServer, MetricsAdapter, NATS, Alertmanager, Prometheus}
	for _, name := range with {
		full, err := Full(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(beside, full) {
			return nil, fmt.Errorf("%s is part of the control plane: only %s can be chosen", full, strings.Join(beside, ", "))
		}
		if !slices.Contains(chosen, full) {
			chosen = append(chosen, full)
		}
	}
	for _, name := range without {
		full, err := Full(name)
		if err != nil {
			return nil, err
		}
		if full == Etcd || full == APIServer {
			return nil, fmt.Errorf("a sandbox cannot do without %s", full)
		}
		chosen = slices.DeleteFunc(chosen, func(have string) bool { return have == full })
	}
	if slices.Contains(chosen, MetricsAdapter) && !slices.Contains(chosen, Prometheus) {
		return nil, fmt.Errorf("%s serves what %s has: choose both or neither", MetricsAdapter, Prometheus)
	}
	return chosen, nil
}

// Programs names what must be there: the chosen components and, unless it is left out, kubectl.
func (o Options) Programs() []string {
	if o.WithoutKubectl {
		return o.Components
	}
	return append(slices.Clone(o.Components), Kubectl)
}

func (o Options) runs(component string) bool { return slices.Contains(o.Components, component) }
