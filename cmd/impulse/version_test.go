package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/control/election"
)

func TestVersion(t *testing.T) {
	t.Run("without a cluster only the program has a version", testWithoutClusterOnlyProgramHasVersion)
	t.Run("the reason for an unknown version of the server is printed", testReasonForUnknownVersionOfServerIsPrinted)
	t.Run("the version of the server is that in its Lease", testVersionOfServerIsThatInItsLease)
}

func testWithoutClusterOnlyProgramHasVersion(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	for args, want := range map[string]string{"": "Client: dev (go", "-o json": "{\n  \"client\": {\n    \"version\": \"dev\"", "-o yaml": "client:\n  go: go"} {
		code, out, errs := impulse(t, "", append([]string{"version"}, strings.Fields(args)...)...)
		if code != 0 || errs != "" || !strings.HasPrefix(out, want) || strings.Contains(strings.ToLower(out), "server") {
			t.Errorf("%s: got exit code %d, %s%s, want %s", args, code, out, errs, want)
		}
	}
}

func testReasonForUnknownVersionOfServerIsPrinted(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	for args, want := range map[string]string{
		"--context gone":              "\nServer: unknown: find the cluster: the kubeconfig has no context \"gone\", and no other\n",
		"--server http://127.0.0.1:1": "\nServer: unknown: http://127.0.0.1:1 cannot be reached: dial tcp ",
	} {
		if code, out, errs := impulse(t, "", append([]string{"version"}, strings.Fields(args)...)...); code != 0 || errs != "" || !strings.Contains(out, want) {
			t.Errorf("%s: got exit code %d, %s%s, want %s", args, code, out, errs, want)
		}
	}
	if code, out, errs := impulse(t, "", "version", "--client", "--lease-name", "x"); code != 2 || out != "" || !strings.Contains(errs, "--lease-name has no effect with --client") {
		t.Errorf("flags without effect: got exit code %d, %s%s", code, out, errs)
	}
}

func testVersionOfServerIsThatInItsLease(t *testing.T) {
	e, run := onCluster(t)
	if code, out, errs := run("version", "--lease-namespace", e.Namespace); code != 0 || errs != "" || !strings.Contains(out, "Server: unknown: there is no Lease "+e.Namespace+"/impulse: ") {
		t.Errorf("without a Lease: got exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := run("version", "--lease-namespace", e.Namespace, "--as", "nobody"); code != 0 || errs != "" ||
		!strings.Contains(out, `Server: unknown: user "nobody" lacks the right to get leases.coordination.k8s.io in namespace `+e.Namespace) {
		t.Errorf("without rights: got exit code %d, %s%s", code, out, errs)
	}
	elector, err := election.New(e.Config, election.Options{Namespace: e.Namespace, Name: "impulse", Identity: "one", Version: "v1.2.3+dirty"})
	if err != nil {
		t.Fatal(err)
	}
	e.Apply("apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {name: old}\nspec: {holderIdentity: gone, renewTime: \"2026-01-01T00:00:00.000000Z\"}\n")
	if code, out, errs := run("version", "--lease-namespace", e.Namespace, "--lease-name", "old"); code != 0 || errs != "" || !strings.Contains(out, "Server: unknown: nobody holds Lease ") {
		t.Errorf("with an expired Lease: got exit code %d, %s%s", code, out, errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	leads, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- elector.Run(ctx, func(ctx context.Context) {
			close(leads)
			<-ctx.Done()
		})
	}()
	<-leads
	if code, out, errs := run("version", "--lease-namespace", e.Namespace); code != 0 || errs != "" || !strings.Contains(out, "\nServer: v1.2.3_dirty (one leads)\n") {
		t.Errorf("with a leader: got exit code %d, %s%s", code, out, errs)
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}
