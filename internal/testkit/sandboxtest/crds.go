package sandboxtest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// CRDs makes the kinds of a folder of CRDs known to the cluster that Cluster returns. Tests share them: the folder is
// applied as often as tests ask for it.
func CRDs(tb testing.TB, folder string) {
	tb.Helper()
	define(tb, os.Getenv(kubeconfigVariable), folder)
}

// CRDs makes the kinds of a folder of CRDs known.
func (o *Outage) CRDs(folder string) {
	o.tb.Helper()
	define(o.tb, o.Kubeconfig, folder)
}

func define(tb testing.TB, kubeconfig, folder string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{"apply", "--server-side", "--force-conflicts", "-f", folder},
		{"wait", "--for=condition=Established", "--timeout=60s", "-f", folder},
	} {
		args = append([]string{"--kubeconfig", kubeconfig}, args...)
		if out, err := exec.CommandContext(ctx, Binary(tb, "kubectl"), args...).CombinedOutput(); err != nil {
			tb.Fatalf("kubectl %v: %v\n%s", args, err, out)
		}
	}
}
