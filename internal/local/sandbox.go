package local

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Addresses says where the parts of a sandbox are, as the sandbox writes it when it is ready.
type Addresses struct {
	Name           string `json:"name"`
	Bin            string `json:"bin"`
	Kubeconfig     string `json:"kubeconfig"`
	NATS           string `json:"natsURL"`
	NATSMonitoring string `json:"natsMonitoringURL"`
	Prometheus     string `json:"prometheusURL"`
	Alertmanager   string `json:"alertmanagerURL"`
}

// Build compiles a command of this repository into dir and returns its path. It must be called from the root of the
// main module. module is the folder of the module that the package is in, "." for the main one.
func Build(ctx context.Context, dir, name, module, pkg string) (string, error) {
	binary := filepath.Join(dir, name)
	cmd := exec.CommandContext(ctx, "go", "-C", module, "build", "-o", binary, pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return binary, nil
}

// Sandbox builds what is missing of the control plane, showing it on the standard error, starts it with args added to
// `sandbox up`, and waits until it is ready. It must be called from the root of the main module.
func Sandbox(ctx context.Context, dir string, args ...string) (*Process, Addresses, error) {
	var at Addresses
	binary, err := Build(ctx, dir, "sandbox", "deploy/sandbox", ".")
	if err != nil {
		return nil, at, err
	}
	build := exec.CommandContext(ctx, binary, "build")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, at, fmt.Errorf("build the sandbox: %w", err)
	}
	ready := filepath.Join(dir, "ready.json")
	up := append([]string{"up", "--lifeline", "--name", filepath.Base(dir), "--ready-file", ready}, args...)
	p, err := Spawn(ctx, dir, "sandbox", binary, up...)
	if err != nil {
		return nil, at, err
	}
	err = Until(ctx, 2*time.Minute, "the sandbox is ready", func(context.Context) (bool, error) {
		content, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(content, &at) == nil, p.Died()
	})
	if err != nil {
		p.Stop()
		return nil, at, err
	}
	return p, at, nil
}
