package sandbox

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// ControlPlane is a control plane that belongs to one test, which can stop and pause its parts: etcd, kube-apiserver, and the
// components that the test asked for.
type ControlPlane struct {
	tb       testing.TB
	dir, cmd string
	at       process.Addresses
	// Kubeconfig has an administrator's permissions; Config is its content.
	Kubeconfig string
	Config     *rest.Config
}

// NewControlPlane starts a control plane that is stopped when the test ends. Beside etcd, kube-apiserver and metrics-server the named
// components run in it, such as controller-manager or prometheus.
func NewControlPlane(tb testing.TB, components ...string) *ControlPlane {
	tb.Helper()
	c := &ControlPlane{
		tb: tb, dir: filepath.Join(tb.TempDir(), "sandbox"), cmd: require(tb, commandVariable, "a control plane of its own"),
	}
	ready := filepath.Join(tb.TempDir(), "ready.json")
	with, without := []string{"metrics-server"}, []string{"controller-manager", "scheduler", "kwok"}
	for _, component := range components {
		if i := slices.Index(without, component); i >= 0 {
			without = slices.Delete(without, i, i+1)
		} else {
			with = append(with, component)
		}
	}
	p := testkit.StartProgram(tb, "sandbox", c.cmd, "up", "--dir", c.dir, "--ready-file", ready, "--unsafe-no-fsync",
		"--with", strings.Join(with, ","), "--without", strings.Join(without, ","))
	tb.Cleanup(p.Stop)
	p.Eventually("it is ready", func(context.Context) bool {
		content, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(content, &c.at) == nil
	})
	c.Kubeconfig = filepath.Join(c.dir, "admin.kubeconfig")
	c.Config = load(tb, c.Kubeconfig)
	return c
}

// Stop stops a part, such as kube-apiserver, and returns when it is gone.
func (c *ControlPlane) Stop(component string) { c.tb.Helper(); c.run("stop", component) }

// Start starts a stopped part on the same address, and returns when it is ready.
func (c *ControlPlane) Start(component string) { c.tb.Helper(); c.run("start", component) }

// Pause makes a part accept connections and answer nothing, until Resume.
func (c *ControlPlane) Pause(component string) { c.tb.Helper(); c.run("pause", component) }

// Resume ends Pause.
func (c *ControlPlane) Resume(component string) { c.tb.Helper(); c.run("resume", component) }

func (c *ControlPlane) run(verb, component string) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), testkit.Timeout)
	defer cancel()
	if out, err := process.Run(ctx, c.cmd, verb, component, "--dir", c.dir); err != nil {
		c.tb.Fatalf("sandbox %s %s: %v\n%s", verb, component, err, out)
	}
}
