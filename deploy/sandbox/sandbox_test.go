package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestSandbox(t *testing.T) {
	t.Run("a sandbox runs Deployments and leaves nothing", testSandboxRunsDeploymentsAndLeavesNothing)
	t.Run("the usage of pods is served", testUsageOfPodsIsServed)
	t.Run("a series of Prometheus is served as a metric of an object and as an external one", testSeriesOfPrometheusIsServedAsMetricOfObjectAndAsExternalOne)
	t.Run("a sandbox that is killed leaves nothing", testSandboxThatIsKilledLeavesNothing)
	t.Run("a sandbox that is killed before it is ready leaves nothing", testSandboxThatIsKilledBeforeItIsReadyLeavesNothing)
	t.Run("a sandbox ends on a signal without an error", testSandboxEndsOnSignalWithoutError)
	t.Run("a component that exits ends the sandbox, which names it", testComponentThatExitsEndsSandboxWhichNamesIt)
	t.Run("a component that cannot start is reported with the end of its log", testComponentThatCannotStartIsReportedWithEndOfItsLog)
	t.Run("an outage of the API server ends with the state of before", testOutageOfAPIServerEndsWithStateOfBefore)
	t.Run("a folder holds one sandbox, and down ends it", testFolderHoldsOneSandboxAndDownEndsIt)
	t.Run("down removes the rest when even the guard was killed", testDownRemovesRestWhenEvenGuardWasKilled)
	t.Run("a sandbox that is ended before it is ready exits without an error", testSandboxThatIsEndedBeforeItIsReadyExitsWithoutError)
	t.Run("ready parts can be used while the others start", testReadyPartsCanBeUsedWhileOthersStart)
}

// bare is the smallest sandbox: etcd and the API server.
var bare = []string{"--with=", "--without=controller-manager,scheduler,kwok"}

func testSandboxRunsDeploymentsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	r := up(t)
	if got := r.mustKubectl(t, "get", "nodes", "--no-headers", "-o", "custom-columns=:.metadata.name,:.status.conditions[?(@.type=='Ready')].status"); strings.Join(strings.Fields(got), " ") != "node-1 True" {
		t.Errorf("the nodes are %q", got)
	}
	if got := r.mustKubectl(t, "version"); !strings.Contains(got, "Server Version: v1.37.") {
		t.Errorf("the version is %q", got)
	}
	r.mustKubectl(t, "create", "deployment", "web", "--image=example.test/web", "--replicas=3")
	r.mustKubectl(t, "wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=60s")
	if got, _ := r.kubectl(t, "auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:default"); got != "no" {
		t.Errorf("a service account without permissions can list pods: %q", got)
	}
	for _, url := range []string{r.env.NATSMonitoringURL + "/jsz", r.env.AlertmanagerURL + "/api/v2/alerts", r.env.PrometheusURL + "/api/v1/alertmanagers"} {
		expectOK(t, http.MethodGet, url)
	}
	for _, url := range []string{r.env.AlertmanagerURL, r.env.PrometheusURL} {
		expectOK(t, http.MethodPost, url+"/-/reload")
	}
	if got := r.mustCommand(t, "env"); !strings.Contains(got, "export KUBECONFIG='"+r.env.Kubeconfig+"'\n") {
		t.Errorf("env prints %s", got)
	}
	r.endsWithStdin(t)
}

func testUsageOfPodsIsServed(t *testing.T) {
	t.Parallel()
	r := up(t, "--with=metrics-server")
	r.mustKubectl(t, "run", "busy", "--image=example.test/busy", "--annotations=kwok.x-k8s.io/usage-cpu=250m", "--annotations=kwok.x-k8s.io/usage-memory=64Mi")
	eventually(t, "its usage is known", func() bool {
		got, err := r.kubectl(t, "top", "pod", "busy", "--no-headers")
		used := strings.Fields(got)
		return err == nil && len(used) == 3 && used[2] == "64Mi" && (used[1] == "250m" || used[1] == "249m" || used[1] == "251m")
	})
}

func testSeriesOfPrometheusIsServedAsMetricOfObjectAndAsExternalOne(t *testing.T) {
	t.Parallel()
	r := up(t, "--with=prometheus,metrics-adapter", "--without=controller-manager,scheduler,kwok")
	scrape := "scrape_configs: [{job_name: self, static_configs: [{targets: ['" + strings.TrimPrefix(r.env.PrometheusURL, "http://") +
		"'], labels: {namespace: default, service: kubernetes}}]}]"
	if err := os.WriteFile(filepath.Join(r.dir, "scrape", "self.yml"), []byte(scrape), 0o600); err != nil {
		t.Fatal(err)
	}
	expectOK(t, http.MethodPost, r.env.PrometheusURL+"/-/reload")
	for _, path := range []string{
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/services/kubernetes/up",
		"/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/services/kubernetes/up",
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/default/up?labelSelector=job+in+(self,other),!pod",
	} {
		eventually(t, "there is the value 1 at "+path, func() bool {
			got, err := r.kubectl(t, "get", "--raw", path)
			return err == nil && strings.Contains(got, `"value":"1"`)
		})
	}
	for _, path := range []string{
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/services/other/up",
		"/apis/custom.metrics.k8s.io/v1beta2/namespaces/other/services/kubernetes/up",
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/default/up?labelSelector=job+notin+(self,other)",
	} {
		if got, _ := r.kubectl(t, "get", "--raw", path); strings.Contains(got, `"value":`) {
			t.Errorf("%s has %s, want no value", path, got)
		}
	}
}

func expectOK(t *testing.T, method, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %s", method, url, response.Status)
	}
}

func testSandboxThatIsKilledLeavesNothing(t *testing.T) {
	t.Parallel()
	r := up(t, bare...)
	if len(r.processes(t)) < 4 { // Itself, the guard, etcd and the API server.
		t.Fatalf("too few processes for the test: %v", r.processes(t))
	}
	kill(t, r.cmd.Process.Pid)
	if err := r.end(t); err == nil {
		t.Error("the sandbox ended without an error, want one")
	}
	r.leavesNothing(t)
}

func testSandboxThatIsKilledBeforeItIsReadyLeavesNothing(t *testing.T) {
	t.Parallel()
	r := begin(t, bare...)
	eventually(t, "the API server starts", func() bool {
		_, err := os.Stat(filepath.Join(r.dir, "logs", "kube-apiserver.log"))
		return err == nil
	})
	kill(t, r.cmd.Process.Pid)
	_ = r.end(t) // Killed.
	r.leavesNothing(t)
}

func testSandboxEndsOnSignalWithoutError(t *testing.T) {
	t.Parallel()
	r := up(t, bare...)
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := r.end(t); err != nil || strings.Contains(r.output.String(), "sandbox:") {
		t.Errorf("the sandbox ended with %v\n%s", err, r.output)
	}
	r.leavesNothing(t)
}

func testComponentThatExitsEndsSandboxWhichNamesIt(t *testing.T) {
	t.Parallel()
	r := up(t, bare...)
	pid, _ := r.status(t, "etcd")
	kill(t, pid)
	if err := r.end(t); err == nil || !strings.Contains(r.output.String(), "etcd ended by itself (signal: killed)") {
		t.Errorf("the sandbox ended with %v\n%s", err, r.output)
	}
	r.leavesNothing(t)
}

func testComponentThatCannotStartIsReportedWithEndOfItsLog(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(config, []byte("no_such_field: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := begin(t, "--with=prometheus", "--prometheus-config="+config)
	if err := r.end(t); err == nil || !strings.Contains(r.output.String(), "prometheus ended by itself") || !strings.Contains(r.output.String(), "no_such_field") {
		t.Errorf("the sandbox ended with %v\n%s", err, r.output)
	}
	r.leavesNothing(t)
}

func testOutageOfAPIServerEndsWithStateOfBefore(t *testing.T) {
	t.Parallel()
	r := up(t, bare...)
	r.mustKubectl(t, "create", "configmap", "kept", "--from-literal=a=b")
	r.mustCommand(t, "stop", "apiserver", "--force")
	if pid, state := r.status(t, "kube-apiserver"); pid != 0 || state != "stopped" {
		t.Errorf("the stopped API server is %s with the process %d", state, pid)
	}
	if out, err := r.kubectl(t, "get", "configmap", "kept", "--request-timeout=5s"); err == nil {
		t.Errorf("the stopped API server answers: %s", out)
	}
	if out, err := r.command(t, "stop", "apiserver"); err == nil {
		t.Errorf("the API server was stopped twice: %s", out)
	}
	r.mustCommand(t, "start", "apiserver")
	r.mustKubectl(t, "get", "configmap", "kept")

	r.mustCommand(t, "pause", "kube-apiserver")
	if out, err := r.kubectl(t, "get", "configmap", "kept", "--request-timeout=1s"); err == nil {
		t.Errorf("paused, it answers: %s", out)
	}
	r.mustCommand(t, "resume", "kube-apiserver")
	r.mustKubectl(t, "get", "configmap", "kept")

	if out, err := r.command(t, "stop", "redis"); err == nil || !strings.Contains(out, "unknown component") {
		t.Errorf("stopping what there is not: %v, %s", err, out)
	}
	if out, err := r.command(t, "start", "nats"); err == nil || !strings.Contains(out, "not part of this sandbox") {
		t.Errorf("starting what was not chosen: %v, %s", err, out)
	}
	r.mustCommand(t, "down")
	r.leavesNothing(t)
}

func testFolderHoldsOneSandboxAndDownEndsIt(t *testing.T) {
	t.Parallel()
	r := &run{dir: filepath.Join(t.TempDir(), strings.Repeat("far/", 40), "sandbox"), ready: "/nonexistent"}
	if out, err := r.command(t, append([]string{"up", "--detach"}, bare...)...); err != nil {
		t.Fatalf("up --detach: %v\n%s", err, out)
	}
	if out, err := r.command(t, append([]string{"up"}, bare...)...); err == nil || !strings.Contains(out, "a sandbox runs there already") {
		t.Errorf("a second one: %v, %s", err, out)
	}
	r.mustCommand(t, "down")
	r.leavesNothing(t)
	r.mustCommand(t, "down")
	if out, err := r.command(t, "status"); err == nil || !strings.Contains(out, "no sandbox runs there") {
		t.Errorf("status: %v, %s", err, out)
	}
}

func testDownRemovesRestWhenEvenGuardWasKilled(t *testing.T) {
	t.Parallel()
	r := up(t, bare...)
	kill(t, r.guard(t))
	kill(t, r.cmd.Process.Pid)
	_ = r.end(t) // Killed.
	r.mustCommand(t, "down")
	if err := os.Remove(r.ready); err != nil {
		t.Error(err)
	}
	r.leavesNothing(t)
}

func testSandboxThatIsEndedBeforeItIsReadyExitsWithoutError(t *testing.T) {
	t.Parallel()
	r := begin(t, bare...)
	eventually(t, "etcd starts", func() bool {
		_, err := os.Stat(filepath.Join(r.dir, "logs", "etcd.log"))
		return err == nil
	})
	if err := r.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.end(t); err != nil || strings.Contains(r.output.String(), "sandbox:") {
		t.Errorf("the sandbox ended with %v\n%s", err, r.output)
	}
	r.leavesNothing(t)
}

func testReadyPartsCanBeUsedWhileOthersStart(t *testing.T) {
	assets := t.TempDir()
	never := "#!/bin/sh\n[ \"$1\" = --version ] && echo v3.1.0 && exit\nexec /bin/sleep 1000\n"
	if err := os.WriteFile(filepath.Join(assets, "prometheus"), []byte(never), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBEBUILDER_ASSETS", assets)
	r := begin(t, "--staged", "--with=nats,prometheus", "--without=controller-manager,scheduler,kwok")
	eventually(t, "the control plane and NATS have joined", func() bool {
		content, err := os.ReadFile(r.ready)
		return err == nil && json.Unmarshal(content, &r.env) == nil && r.env.NATSURL != ""
	})
	if r.env.PrometheusURL != "" {
		t.Errorf("a Prometheus that does not answer has joined at %s", r.env.PrometheusURL)
	}
	r.mustKubectl(t, "create", "configmap", "used", "--from-literal=a=b")
	if out := r.mustCommand(t, "status"); !strings.Contains(out, "not ready yet") {
		t.Errorf("the status is %s", out)
	}
	r.endsWithStdin(t)
}
