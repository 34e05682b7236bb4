package local

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// Addresses says where the parts of a sandbox are, as the sandbox writes it. A part that is not ready yet has none.
type Addresses struct {
	Name           string `json:"name"`
	Bin            string `json:"bin"`
	Kubeconfig     string `json:"kubeconfig"`
	MetricsServer  string `json:"metricsServerURL"`
	NATS           string `json:"natsURL"`
	NATSMonitoring string `json:"natsMonitoringURL"`
	Prometheus     string `json:"prometheusURL"`
	Alertmanager   string `json:"alertmanagerURL"`
}

// Sandbox is a sandbox that starts part by part, while the programs of the later parts are still being built.
type Sandbox struct {
	*Process
	ready string
}

// StartSandbox builds what is missing of the sandbox, showing that on the standard error, and starts each part as soon as
// it can, with args added to `sandbox up`. It returns at once. It must be called from the root of the main module.
func StartSandbox(ctx context.Context, dir string, args ...string) (*Sandbox, error) {
	binary, err := Build(ctx, dir, "sandbox", "deploy/sandbox", ".")
	if err != nil {
		return nil, err
	}
	s := &Sandbox{ready: filepath.Join(dir, "ready.json")}
	up := append([]string{
		"up", "--lifeline", "--staged", "--progress-fd", "3", "--name", filepath.Base(dir), "--ready-file", s.ready,
	}, args...)
	if s.Process, err = spawn(ctx, dir, "sandbox", []*os.File{os.Stderr}, binary, up...); err != nil {
		return nil, err
	}
	return s, nil
}

// Await returns where everything is that is ready as soon as joined says that this is enough: the control plane is there
// from the first call on. It waits for as long as programs are being built.
func (s *Sandbox) Await(ctx context.Context, joined func(Addresses) bool) (at Addresses, err error) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		content, err := os.ReadFile(s.ready)
		if err == nil && json.Unmarshal(content, &at) == nil && joined(at) {
			return at, nil
		}
		if err := s.Died(); err != nil {
			return at, err
		}
		select {
		case <-ctx.Done():
			return at, context.Cause(ctx)
		case <-again.C:
		}
	}
}
