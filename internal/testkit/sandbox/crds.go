package sandbox

import (
	"context"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

// ApplyCRDs applies a folder of CustomResourceDefinitions to the cluster of Config and waits until they are served. Tests share
// them; applying them again changes nothing.
func ApplyCRDs(tb testing.TB, folder string) {
	tb.Helper()
	applyCRDs(tb, Kubeconfig(tb), folder)
}

// ApplyCRDs applies a folder of CustomResourceDefinitions and waits until they are served.
func (c *ControlPlane) ApplyCRDs(folder string) {
	c.tb.Helper()
	applyCRDs(c.tb, c.Kubeconfig, folder)
}

func applyCRDs(tb testing.TB, kubeconfig, folder string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{"apply", "--server-side", "--force-conflicts", "-f", folder},
		{"wait", "--for=condition=Established", "--timeout=60s", "-f", folder},
	} {
		args = append([]string{"--kubeconfig", kubeconfig}, args...)
		if out, err := process.Run(ctx, Binary(tb, "kubectl"), args...); err != nil {
			tb.Fatalf("kubectl %v: %v\n%s", args, err, out)
		}
	}
}
