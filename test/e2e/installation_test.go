package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/deploy/demo/scenario"
	"github.com/impulse-sh/impulse/internal/control/alertlist"
	"github.com/impulse-sh/impulse/internal/testkit/helm"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestInstallation(t *testing.T) {
	t.Parallel()
	t.Run("the demo runs under an installed release, and an upgrade and a rollback lose nothing", testDemoRunsUnderInstalledRelease)
}

// installation is a release of the chart in the control plane of the demo, whose Pods run the program of the image.
type installation struct {
	*env

	demo    *scenario.Stack
	at      scenario.Installation
	image   *image
	service *service
}

// install installs the chart for the demo, whose sources are on this machine, and runs its Pods.
func install(t *testing.T) *installation {
	t.Helper()
	i := &installation{}
	demo, err := scenario.Start(t.Context(), scenario.Options{Once: true, Cluster: "sandbox", Install: func(at scenario.Installation) error {
		i.env, i.at = envOf(t, sandbox.Connect(t, at.Kubeconfig, scenario.Namespace)), at
		i.image, i.service = newImage(t, i.command), startService(t, at.URL)
		i.mustKubectl("create", "namespace", "impulse-system")
		i.mustKubectl("label", "namespace", "impulse-system", "pod-security.kubernetes.io/enforce=restricted")
		i.helm("install", helm.Chart)
		i.awaitDefinitions()
		i.roll()
		return os.WriteFile(at.TokenFile, []byte(i.mustKubectl("-n", "impulse-system", "get", "secret", "impulse-tokens", "-o", "go-template={{.data.token | base64decode}}")), 0o600)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { demo.Stop(context.WithoutCancel(t.Context())) })
	i.demo = demo
	return i
}

// helm runs helm, which waits until the Pods of the Deployment are ready. The sandbox makes them so, although it runs no container.
func (i *installation) helm(command string, args ...string) {
	i.t.Helper()
	args = append(args, "--wait", "--timeout=2m")
	if command != "rollback" {
		args = append(args, "--set", `extraArgs={--allow-source-addresses=127.0.0.0/8\,::1}`)
	}
	i.mustHelm(command, args...)
}

// roll replaces the Pods as the strategy of the Deployment says: it starts each new one before it ends an old one.
func (i *installation) roll() {
	i.t.Helper()
	d := i.deployed()
	if s := d.Spec.Strategy.RollingUpdate; s == nil || s.MaxSurge.IntValue() != 1 || s.MaxUnavailable.IntValue() != 0 {
		i.t.Fatalf("the strategy is %v, want one that starts each Pod before it ends another", d.Spec.Strategy)
	}
	old := i.service.pods()
	for started := range int(*d.Spec.Replicas) {
		i.service.add(i.container(d, i.image))
		if started < old {
			i.service.removeOldest().Stop()
		}
	}
	for i.service.pods() > int(*d.Spec.Replicas) {
		i.service.removeOldest().Stop()
	}
}

// send sends an alert, which nothing repeats.
func (i *installation) send(labels ...string) {
	i.t.Helper()
	args := slices.Concat([]string{"send", "alert", "--server", i.at.URL, "--token-file", i.at.TokenFile, "-n", i.Namespace}, labels)
	var out string
	i.until("the alert is recorded", func(ctx context.Context) (bool, error) {
		var err error
		out, err = process.Run(ctx, i.command, args...)
		return err == nil, nil
	}, func() string { return out })
}

// mustTool runs a command of Impulse for the namespace of the test.
func (i *installation) mustTool(args ...string) string {
	i.t.Helper()
	out, err := i.tool(i.t.Context(), args...)
	if err != nil {
		i.t.Fatal(err, out)
	}
	return out
}

// createHeld creates a workload that an alert has scaled to 5, and that is scaled down ten minutes after the end of the alert: the release remembers since
// when.
func (i *installation) createHeld() {
	i.t.Helper()
	i.ApplyDeployment("held", 1)
	i.Apply(strings.Replace(onAlert("held"), "  cooldownPeriod: 1\n", "  cooldownPeriod: 600\n", 1))
	i.condition("held", "Ready", "True", "Ready")
	i.send("alertname=held")
	i.AwaitReplicas("held", 5)
	i.condition("held", "Active", "True", "TriggerActive")
	i.send("alertname=held", "--resolve")
	i.condition("held", "Active", "False", "NoTriggerActive")
}

// kept is what no upgrade and no rollback may lose.
type kept struct {
	objects map[string]*unstructured.Unstructured
	alerts  map[string]time.Time // When they began, by fingerprint.
	// newest is the newest entry of the history of each object, and held the end of the hold of the workload held.
	newest map[string]string
	held   time.Time
	tokens string
}

// record reads what must not be lost.
func (i *installation) record(names []string) kept {
	i.t.Helper()
	k := kept{objects: map[string]*unstructured.Unstructured{}, newest: map[string]string{}, alerts: i.firing(), held: i.heldUntil("held"), tokens: i.tokensOf()}
	for _, name := range names {
		k.objects[name] = i.object(name)
		if k.newest[name] = i.history(name)[0]; k.newest[name] == "" {
			i.t.Errorf("%s has no history", name)
		}
	}
	return k
}

// firing returns the recorded alerts that fire, by fingerprint, with the times at which they began.
func (i *installation) firing() map[string]time.Time {
	i.t.Helper()
	var all []alertlist.Alert
	if err := json.Unmarshal([]byte(i.mustTool("alerts", "-o", "json")), &all); err != nil {
		i.t.Fatal(err)
	}
	began := map[string]time.Time{}
	for _, a := range all {
		if a.State == "firing" {
			began[a.Fingerprint] = a.StartsAt
		}
	}
	return began
}

// history returns the entries of an object's history as text.
func (i *installation) history(name string) []string {
	i.t.Helper()
	entries, _, err := unstructured.NestedSlice(i.object(name).Object, "status", "history")
	if err != nil || len(entries) == 0 {
		i.t.Fatalf("%s has no history: %v", name, err)
	}
	all := make([]string, len(entries))
	for n, entry := range entries {
		all[n] = fmt.Sprint(entry)
	}
	return all
}

// expect fails the test when something was lost.
func (i *installation) expect(want kept, maximum string) {
	i.t.Helper()
	// The leader reports its decision when the object changes.
	i.mustKubectl("patch", "so", "held", "--type=merge", "-p", `{"spec":{"maxReplicaCount":`+maximum+`}}`)
	generation := strconv.FormatInt(i.object("held").GetGeneration(), 10)
	i.status("held", "the new spec", func(s string) bool { return s == generation }, "observedGeneration")
	if until := i.heldUntil("held"); until.Sub(want.held).Abs() > time.Millisecond {
		i.t.Errorf("held is held until %s, want until %s", until, want.held)
	}
	got := i.firing()
	for fingerprint, began := range want.alerts {
		if !got[fingerprint].Equal(began) {
			i.t.Errorf("the alert %s began at %s, want %s", fingerprint, got[fingerprint], began)
		}
	}
	for name, before := range want.objects {
		i.expectUnchanged(before)
		if !slices.Contains(i.history(name), want.newest[name]) {
			i.t.Errorf("the history of %s has lost %s", name, want.newest[name])
		}
	}
	i.condition("worker", "Paused", "True", "Paused")
	if i.tokensOf() != want.tokens {
		i.t.Error("the token is another one")
	}
}

func testDemoRunsUnderInstalledRelease(t *testing.T) {
	t.Parallel()
	acquireSlot(t)
	i := install(t)
	if err := i.demo.Drive(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts, err := i.demo.Rise(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i.send("alertname=HighHitCount", "by=hand")
	i.createHeld()
	i.mustTool("pause", "worker", "--reason", "maintenance")
	i.condition("worker", "Paused", "True", "Paused")
	counts["held"] = 5
	var holds []func()
	for name, n := range counts {
		holds = append(holds, i.ExpectReplicas(name, int32(n)))
	}
	before := i.record([]string{"checkout", "web", "worker", "api"})
	if len(before.alerts) < 2 {
		t.Errorf("the alerts %v fire, want the one of Alertmanager and the one that was sent by hand", before.alerts)
	}

	i.helm("upgrade", helm.Chart, "--set", "replicas=3", "--set", "logLevel=debug", "--set", "podAnnotations.upgraded=yes")
	i.roll()
	i.expect(before, "11")
	i.helm("rollback", "1")
	i.roll()
	i.expect(before, "12")
	for _, hold := range holds {
		hold()
	}
	i.expectFall()
}

// expectFall drives the loads down, and expects that all but the paused workload follow, and that one after its pause.
func (i *installation) expectFall() {
	i.t.Helper()
	paused := i.ExpectReplicas("worker", i.count(i.t.Context(), "worker"))
	counts, err := i.demo.Fall(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	i.send("alertname=HighHitCount", "by=hand", "--resolve")
	i.condition("worker", "Active", "False", "NoTriggerActive")
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if name != "worker" {
			i.AwaitReplicas(name, int32(counts[name]))
		}
	}
	paused()
	i.mustTool("resume", "worker")
	i.AwaitReplicas("worker", int32(counts["worker"]))
}
