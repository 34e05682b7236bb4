package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// sandboxVariable names the command that runs sandboxes; `make test` sets it.
const sandboxVariable = "IMPULSE_TEST_SANDBOX"

// Outage is a control plane of a test's own, whose parts it can take away: etcd, an API server, and the components that the test
// asks for.
type Outage struct {
	tb  testing.TB
	dir string
	// Kubeconfig has an administrator's rights; Config is what is in it.
	Kubeconfig string
	Config     *rest.Config
}

// NewOutage starts a control plane that goes with the test. Nothing in it acts by itself, but for the named components, such as
// controller-manager.
func NewOutage(tb testing.TB, components ...string) *Outage {
	tb.Helper()
	o := &Outage{tb: tb, dir: filepath.Join(tb.TempDir(), "sandbox")}
	ready := filepath.Join(tb.TempDir(), "ready.json")
	without := slices.DeleteFunc([]string{"controller-manager", "scheduler", "kwok", "nats", "alertmanager", "prometheus"},
		func(component string) bool { return slices.Contains(components, component) })
	p := start(tb, "sandbox", o.command(), "up", "--dir", o.dir, "--ready-file", ready, "--unsafe-no-fsync",
		"--without", strings.Join(without, ","))
	tb.Cleanup(p.Stop)
	p.Until("it is ready", func(context.Context) bool {
		_, err := os.Stat(ready)
		return err == nil
	})
	o.Kubeconfig = filepath.Join(o.dir, "admin.kubeconfig")
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		tb.Fatalf("read the kubeconfig: %v", err)
	}
	config.QPS = -1
	o.Config = config
	return o
}

func (o *Outage) command() string {
	o.tb.Helper()
	path := os.Getenv(sandboxVariable)
	if path == "" {
		o.tb.Fatalf("this test needs a control plane of its own: run `make test`, or set %s to the sandbox command", sandboxVariable)
	}
	return path
}

// Take takes a part away, such as kube-apiserver, and returns when it is gone.
func (o *Outage) Take(component string) { o.tb.Helper(); o.run("stop", component) }

// GiveBack starts a part again, on the same address, and returns when it is ready.
func (o *Outage) GiveBack(component string) { o.tb.Helper(); o.run("start", component) }

// Freeze lets a part accept connections and say nothing, until Thaw.
func (o *Outage) Freeze(component string) { o.tb.Helper(); o.run("pause", component) }

// Thaw lets a part that was frozen go on.
func (o *Outage) Thaw(component string) { o.tb.Helper(); o.run("resume", component) }

func (o *Outage) run(verb, component string) {
	o.tb.Helper()
	ctx, cancel := context.WithTimeout(o.tb.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, o.command(), verb, component, "--dir", o.dir).CombinedOutput()
	if err != nil {
		o.tb.Fatal(fmt.Sprintf("sandbox %s %s: %v", verb, component, err), string(out))
	}
}
