package scenario

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// Namespace is that of the Deployments.
const Namespace = "impulse-demo"

// workloads are the Deployments, in the order they are shown.
var workloads = []string{"checkout", "web", "worker", "office", "api"}

// Options say how to start a Stack.
type Options struct {
	// Once is true if no user types commands.
	Once bool
	// Cluster is where the Deployments are: sandbox, or current for the cluster of the user's kubeconfig.
	Cluster string
	// Install installs and starts Impulse, and its CustomResourceDefinitions. If it is nil, the Stack starts `impulse run` with the permissions of
	// an administrator.
	Install func(Installation) error
}

// Installation is what an Impulse that Options.Install starts is given, and what it must provide.
type Installation struct {
	// Kubeconfig has the permissions of an administrator.
	Kubeconfig string
	// URL is where Impulse must receive alerts.
	URL string
	// TokenFile is where Install must write a token for URL.
	TokenFile string
}

// Stack is all processes and clients of the demo.
type Stack struct {
	dir        string
	control    *process.Sandbox
	addresses  process.Addresses // Of the control plane; values has those of the sources.
	values     values
	dynamic    dynamic.Interface
	applier    *applier
	mock       string // The URL of the mock metric, which runs once Prometheus is ready.
	impulseLog string
	// userCluster is true in a cluster that stays: the demo's namespace must be deleted at the end.
	userCluster bool
	install     func(Installation) error

	mu        sync.Mutex // Guards the fields below, which the sources set when they are ready.
	processes []*process.Process
	queue     *queue
}

// Start starts all that a Deployment needs to follow an alert, while the sources are still being built. After an error it
// stops what it has started.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Cluster != "sandbox" && o.Cluster != "current" {
		return nil, fmt.Errorf("--cluster is %q: expected sandbox or current", o.Cluster)
	}
	dir, err := os.MkdirTemp("", "impulse-demo-")
	if err != nil {
		return nil, fmt.Errorf("create a folder: %w", err)
	}
	s := &Stack{dir: dir, install: o.Install}
	for _, step := range []struct {
		what string
		do   func(context.Context, Options) error
	}{
		{"building impulse", s.build},
		{"starting the control plane", s.sandbox},
		{"applying the CRDs and five Deployments", s.cluster},
		{"starting impulse", s.impulse},
		{"applying the ScaledObjects of checkout and office", s.first},
	} {
		began := time.Now()
		printLine("• %s", step.what)
		if err := step.do(ctx, o); err != nil {
			s.Stop(ctx)
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
		if took := time.Since(began); took > time.Second {
			printLine("  %.1fs", took.Seconds())
		}
	}
	return s, nil
}

// Stop ends the processes, newest first, and removes the demo's folder.
func (s *Stack) Stop(ctx context.Context) {
	if s.userCluster {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := s.deleteNamespace(ctx); err != nil {
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
func (s *Stack) build(ctx context.Context, _ Options) error {
	if _, err := process.Build(ctx, s.dir, "impulse", ".", "./cmd/impulse"); err != nil {
		return err
	}
	_, err := process.Build(ctx, s.dir, "mockmetrics", ".", "./deploy/mockmetrics")
	return err
}

// sandbox starts the control plane and the sources, and waits for the control plane. In the user's cluster only the sources
// are used.
func (s *Stack) sandbox(ctx context.Context, o Options) error {
	impulse, err := process.FreeAddress(ctx)
	if err != nil {
		return err
	}
	mock, err := process.FreeAddress(ctx)
	if err != nil {
		return err
	}
	page, err := process.FreeAddress(ctx)
	if err != nil {
		return err
	}
	s.mock = "http://" + mock
	s.values = values{Namespace: Namespace, Workloads: workloads, Stream: stream, ImpulseURL: "http://" + impulse, PageURL: "http://" + page}
	if o.Install != nil {
		s.values.TokenFile = filepath.Join(s.dir, "token")
	}
	if err := s.write("alertmanager.yaml", s.values); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.dir, "prometheus.yaml"), []byte("{}\n"), 0o600); err != nil {
		return fmt.Errorf("write the first Prometheus configuration: %w", err)
	}
	args := []string{
		"--alertmanager-config", filepath.Join(s.dir, "alertmanager.yaml"),
		"--prometheus-config", filepath.Join(s.dir, "prometheus.yaml"),
	}
	if o.Once { // No user types kubectl commands.
		args = append(args, "--without-kubectl")
	}
	if s.control, err = process.StartSandbox(ctx, s.dir, args...); err != nil {
		return err
	}
	s.processes = append(s.processes, s.control.Process)
	if s.addresses, err = s.control.Await(ctx, func(process.Addresses) bool { return true }); err != nil {
		return err
	}
	return s.connect(o)
}

// connect creates the clients of the cluster.
func (s *Stack) connect(o Options) error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if o.Cluster == "sandbox" {
		rules.ExplicitPath = s.addresses.Kubeconfig
	}
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil).ClientConfig()
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	if o.Cluster == "current" {
		s.addresses.Kubeconfig = rules.GetDefaultFilename()
		s.userCluster = true
	}
	return s.clients(rest.CopyConfig(cfg))
}

func (s *Stack) clients(cfg *rest.Config) error {
	a, err := newApplier(cfg)
	if err != nil {
		return err
	}
	s.applier, s.dynamic = a, a.dynamic
	return nil
}

// spawn starts a process, which Stop will end.
func (s *Stack) spawn(ctx context.Context, name, binary string, args ...string) error {
	p, err := process.Start(ctx, s.dir, name, binary, args...)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.processes = append(s.processes, p)
	}
	return err
}

// exited returns an error when a process has exited.
func (s *Stack) exited() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.processes {
		if err := p.Err(); err != nil {
			return err
		}
	}
	return nil
}

// until waits for cond, and fails at once when a process has exited.
func (s *Stack) until(ctx context.Context, limit time.Duration, what string, cond func(context.Context) (bool, error)) error {
	return process.WaitFor(ctx, limit, what, func(ctx context.Context) (bool, error) {
		if err := s.exited(); err != nil {
			return false, err
		}
		return cond(ctx)
	})
}

// write renders a template into the demo's folder.
func (s *Stack) write(name string, v values) error {
	content, err := render(name, v)
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

// call sends a request without a body. A response other than 2xx is an error.
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
