package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit/process"
)

func TestOverride(t *testing.T) {
	t.Parallel()
	t.Run("a person takes over for some time, and Impulse goes on by itself", testPersonTakesOverForSomeTime)
}

func testPersonTakesOverForSomeTime(t *testing.T) {
	e := newEnv(t)
	e.ApplyDeployment("web", 1)
	e.Apply(onAlert("web"))
	i := e.run()
	e.condition("web", "Ready", "True", "Ready")
	const ref = "scaledobject.impulse.sh/web "
	run := func(want string, args ...string) {
		t.Helper()
		if out, err := e.tool(t.Context(), args...); err != nil || !strings.HasPrefix(out, want) {
			t.Fatalf("impulse %s: %v\n%s\nwant %s", strings.Join(args, " "), err, out, want)
		}
	}
	row := func(want string) { // The status follows the decision.
		t.Helper()
		var out string
		e.until("impulse get shows "+want, func(ctx context.Context) (bool, error) {
			var err error
			out, err = e.tool(ctx, "get", "web")
			return err == nil && strings.Contains(strings.Join(strings.Fields(out), " "), want), i.Err()
		}, func() string { return out })
	}
	row("web Deployment/web 1 1 ")

	// A pause with an end far away outlasts an alert, and is explained.
	run(ref+"paused until ", "pause", "web", "--for", "1h", "--reason", "node drain")
	e.condition("web", "Paused", "True", "Paused")
	e.webhook(i, "web", "firing")
	row("web Deployment/web 1 1 1 10 Paused ")
	e.awaitExplanation("web", "Z: node drain")
	stop := e.ExpectReplicas("web", 1)
	stop()
	run(ref+"resumed", "resume", "web")
	e.AwaitReplicas("web", 5)

	// A count with an end is kept until then, whatever the limits are, and the alert decides again at the end without any event.
	run(ref+"scaled to 12 until ", "scale", "web", "--replicas", "12", "--for", "20s", "--reason", "sale")
	e.AwaitReplicas("web", 12)
	e.AwaitReplicas("web", 5)
	e.condition("web", "Paused", "False", "NotPaused")

	run(ref+"dry run on", "dry-run", "on", "web")
	e.condition("web", "AbleToScale", "False", "DryRun")
	row(" DryRun ")
	run(ref+"dry run off", "dry-run", "off", "web")
	e.condition("web", "AbleToScale", "True", "ReadyToScale")

	if out, err := e.tool(t.Context(), "history", "-o", "yaml"); err != nil || !strings.Contains(out, "paused at 12 instead of 5 until ") || !strings.Contains(out, "Z: sale") {
		t.Errorf("the history: %v\n%s\nwant the count with its end and its reason in it", err, out)
	}
	out, err := process.Run(t.Context(), e.command, "version", "--kubeconfig", e.Kubeconfig, "--lease-namespace", e.Namespace)
	if err != nil || !strings.Contains(out, "\nServer: ") || !strings.HasSuffix(out, " leads)\n") {
		t.Errorf("the version: %v\n%s\nwant that of the server in it", err, out)
	}
}
