package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/impulse-sh/impulse/internal/local"
)

const namespace = "impulse-demo"

// workloads are the Deployments, in the order they are shown.
var workloads = []string{"checkout", "web", "worker", "office", "api"}

// stack is everything that runs for the demo.
type stack struct {
	dir        string
	addresses  local.Addresses
	values     values
	dynamic    dynamic.Interface
	applier    *applier
	queue      *queue
	processes  []*local.Process
	impulseLog string
	mock       string
	// leaves is true when the cluster goes on without the demo, whose namespace must then be deleted.
	leaves bool
}

// start brings everything up; on error what was started is stopped again.
func start(ctx context.Context, o options) (*stack, error) {
	dir, err := os.MkdirTemp("", "impulse-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s := &stack{dir: dir}
	for _, step := range []struct {
		what string
		do   func(context.Context, options) error
	}{
		{"building impulse", s.build},
		{"starting the sandbox", s.sandbox},
		{"starting the mock metric, its alert rule and the queue", s.sources},
		{"applying the CRDs and five Deployments", s.cluster},
		{"starting impulse run", s.impulse},
		{"applying five ScaledObjects", s.scaledObjects},
	} {
		began := time.Now()
		fmt.Printf("• %s\n", step.what)
		if err := step.do(ctx, o); err != nil {
			s.stop(ctx)
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
		if took := time.Since(began); took > time.Second {
			fmt.Printf("  %.1fs\n", took.Seconds())
		}
	}
	return s, nil
}

// stop ends the processes, newest first, and removes the demo's folder.
func (s *stack) stop(ctx context.Context) {
	if s.leaves {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := s.drop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
		}
	}
	if s.queue != nil {
		s.queue.close()
	}
	for _, p := range slices.Backward(s.processes) {
		p.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

// build compiles impulse and the mock metric.
func (s *stack) build(ctx context.Context, _ options) error {
	if _, err := local.Build(ctx, s.dir, "impulse", ".", "./cmd/impulse"); err != nil {
		return err
	}
	_, err := local.Build(ctx, s.dir, "mockmetrics", ".", "./deploy/mockmetrics")
	return err
}

// sandbox starts the control plane and the sources; when the cluster is the user's, only the sources are used.
func (s *stack) sandbox(ctx context.Context, o options) error {
	impulse, err := local.FreeAddress(ctx)
	if err != nil {
		return err
	}
	s.values = values{Namespace: namespace, Workloads: workloads, Stream: stream, ImpulseURL: "http://" + impulse}
	if err := s.write("alertmanager.yaml"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "prometheus.yaml"), []byte("{}\n"), 0o600); err != nil {
		return fmt.Errorf("write the first Prometheus configuration: %w", err)
	}
	args := []string{
		"--alertmanager-config", filepath.Join(s.dir, "alertmanager.yaml"),
		"--prometheus-config", filepath.Join(s.dir, "prometheus.yaml"),
	}
	p, at, err := local.Sandbox(ctx, s.dir, args...)
	if err != nil {
		return err
	}
	s.processes, s.addresses = append(s.processes, p), at
	return s.connect(o)
}

// connect makes the clients of the cluster.
func (s *stack) connect(o options) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if o.cluster == "sandbox" {
		rules.ExplicitPath = s.addresses.Kubeconfig
	}
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	if o.cluster == "current" {
		s.addresses.Kubeconfig = rules.GetDefaultFilename()
		s.leaves = true
	}
	return s.clients(rest.CopyConfig(cfg))
}

func (s *stack) clients(cfg *rest.Config) error {
	a, err := newApplier(cfg)
	if err != nil {
		return err
	}
	s.applier, s.dynamic = a, a.dynamic
	return nil
}

// sources starts the mock metric, points Prometheus at it and makes the queue.
func (s *stack) sources(ctx context.Context, _ options) error {
	mock, err := local.FreeAddress(ctx)
	if err != nil {
		return err
	}
	s.mock = "http://" + mock
	if err := s.spawn(ctx, "mockmetrics", filepath.Join(s.dir, "mockmetrics"), "--listen", mock); err != nil {
		return err
	}
	s.values.MockmetricsHost = mock
	s.values.PrometheusURL, s.values.NATSURL = s.addresses.Prometheus, s.addresses.NATS
	s.values.AlertmanagerHost = hostOf(s.addresses.Alertmanager)
	s.values.RulesFile = filepath.Join(s.dir, "rules.yaml")
	for _, name := range []string{"rules.yaml", "prometheus.yaml"} {
		if err := s.write(name); err != nil {
			return err
		}
	}
	if err := call(ctx, http.MethodPost, s.addresses.Prometheus+"/-/reload"); err != nil {
		return err
	}
	s.queue, err = openQueue(ctx, s.addresses.NATS)
	return err
}

// spawn starts a child that stop will end.
func (s *stack) spawn(ctx context.Context, name, binary string, args ...string) error {
	p, err := local.Spawn(ctx, s.dir, name, binary, args...)
	if err == nil {
		s.processes = append(s.processes, p)
	}
	return err
}

// until waits for cond and fails at once when a child has died.
func (s *stack) until(ctx context.Context, limit time.Duration, what string, cond func(context.Context) (bool, error)) error {
	return local.Until(ctx, limit, what, func(ctx context.Context) (bool, error) {
		for _, p := range s.processes {
			if err := p.Died(); err != nil {
				return false, err
			}
		}
		return cond(ctx)
	})
}

// write renders a template into the demo's folder.
func (s *stack) write(name string) error {
	content, err := render(name, s.values)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// hostOf returns host:port of a URL.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// call sends a request without a body and wants a 2xx.
func call(ctx context.Context, method, address string) error {
	req, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, address, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, address, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, address, resp.Status)
	}
	return nil
}
