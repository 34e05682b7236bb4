package process

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Addresses is the content of a sandbox's ready file: how its parts are reached. The address of a part that is not ready yet is empty.
type Addresses struct {
	Name           string `json:"name"`
	Bin            string `json:"bin"`
	Kubeconfig     string `json:"kubeconfig"`
	MetricsServer  string `json:"metricsServerURL"`
	MetricsAdapter string `json:"metricsAdapterURL"`
	NATS           string `json:"natsURL"`
	NATSMonitoring string `json:"natsMonitoringURL"`
	Prometheus     string `json:"prometheusURL"`
	Alertmanager   string `json:"alertmanagerURL"`
}

// Sandbox is a running `sandbox up`. Its parts start one by one, while the programs of the later ones are still being built.
type Sandbox struct {
	*Process
	readyFile string
}

// StartSandbox runs `sandbox up` with args added, and returns at once. The sandbox builds the programs that are missing,
// with progress on standard error, and starts each part as soon as it can. The working directory must be the root of the main
// module.
func StartSandbox(ctx context.Context, dir string, args ...string) (*Sandbox, error) {
	binary, err := Build(ctx, dir, "sandbox", "deploy/sandbox", ".")
	if err != nil {
		return nil, err
	}
	s := &Sandbox{readyFile: filepath.Join(dir, "ready.json")}
	up := append([]string{
		"up", "--exit-on-stdin-close", "--staged", "--progress-fd", "3", "--name", filepath.Base(dir), "--ready-file", s.readyFile,
	}, args...)
	if s.Process, err = start(ctx, dir, "sandbox", func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{os.Stderr} }, binary, up...); err != nil {
		return nil, err
	}
	return s, nil
}

// Await waits until enough returns true for the addresses that are known so far, and returns them. The control plane is ready before
// enough is first called. Await has no timeout of its own: building programs takes minutes.
func (s *Sandbox) Await(ctx context.Context, enough func(Addresses) bool) (at Addresses, err error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		content, err := os.ReadFile(s.readyFile)
		if err == nil && json.Unmarshal(content, &at) == nil && enough(at) {
			return at, nil
		}
		if err := s.Err(); err != nil {
			return at, err
		}
		select {
		case <-ctx.Done():
			return at, context.Cause(ctx)
		case <-tick.C:
		}
	}
}
