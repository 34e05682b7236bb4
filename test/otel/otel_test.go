package otel

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestCollector(t *testing.T) {
	t.Run("an alert is one trace in a real collector, over gRPC and over HTTP", testAlertIsOneTraceInRealCollector)
}

// timeout bounds each wait.
const timeout = 2 * time.Minute

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s", what, timeout)
		case <-tick.C:
		}
	}
}

var portsTried atomic.Int32

// freeAddress returns an address of this machine on which nobody listens. Its port is none of those that systems give to outgoing connections:
// such a connection could occupy it before the program does.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 30_000+(os.Getpid()+int(portsTried.Add(1)))%2_500)
		if l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port from 30000 to 32499 is free")
	return ""
}

// variable returns a variable that test/with-sandbox sets.
func variable(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set: run `make otel-test`", name)
	}
	return value
}

// kubectl runs kubectl, and returns its output.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(variable(t, "IMPULSE_SANDBOX_BIN"), "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+variable(t, "IMPULSE_SANDBOX_KUBECONFIG"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

const object = `
apiVersion: impulse.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: NAMESPACE}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 1
  maxReplicaCount: 4
  triggers: [{type: alertmanager, name: busy, metadata: {matchers: 'alertname="Busy"', replicas: 5}}]
`

const alert = `{"version":"4","groupKey":"{}","status":"firing","receiver":"web","alerts":[{"status":"firing","labels":{"alertname":"Busy"},"annotations":{},
"startsAt":"2026-01-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z"}]}`

// startImpulse runs impulse for a namespace until the test ends, and returns its URL.
func startImpulse(t *testing.T, namespace, endpoint string) string {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	if err := os.WriteFile(filepath.Join(dir, "web.yaml"), []byte(strings.Replace(object, "NAMESPACE", namespace, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(variable(t, "IMPULSE_BUILT"), "impulse"), "run", "--kubeconfig", variable(t, "IMPULSE_SANDBOX_KUBECONFIG"),
		"--config", dir, "--state-dir", t.TempDir(), "--namespace", namespace, "--lease-namespace", namespace, "--listen", address, "--otlp-endpoint", endpoint)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	return "http://" + address
}

// post sends the alert in a trace, and reports whether it is recorded.
func post(t *testing.T, url, trace string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(alert))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

func testAlertIsOneTraceInRealCollector(t *testing.T) {
	overGRPC, overHTTP := freeAddress(t), freeAddress(t)
	received := startCollector(t, overGRPC, overHTTP)
	for n, c := range []struct{ protocol, address string }{{"grpc", overGRPC}, {"http/protobuf", overHTTP}} {
		t.Run(c.protocol, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", c.protocol)
			namespace, trace := fmt.Sprintf("otel-%d-%d", os.Getpid(), n), fmt.Sprintf("4bf92f3577b34da6a3ce929d0e0e473%d", n)
			kubectl(t, "create", "namespace", namespace)
			kubectl(t, "-n", namespace, "create", "deployment", "web", "--image=web", "--replicas=1")
			url := startImpulse(t, namespace, "http://"+c.address)
			eventually(t, "the alert is recorded", func() bool { return post(t, url+"/v1/alertmanager/"+namespace, trace) })
			const request = "POST /v1/alertmanager/:namespace"
			const way = request + "/record/decide/write"
			eventually(t, "the trace is complete", func() bool { return received.paths(trace)[way] != nil })
			paths := received.paths(trace)
			if len(paths) != 4 {
				t.Errorf("got the spans %v, want the four of %s", paths, way)
			}
			want := map[string]any{
				"k8s.namespace.name": namespace, "impulse.scaledobject": "web", "impulse.trigger": "busy",
				"impulse.replicas.from": int64(1), "impulse.replicas.to": int64(4), "impulse.limited_by": []any{"maxReplicaCount"},
			}
			if got := paths[request+"/record/decide"]; !reflect.DeepEqual(got, want) {
				t.Errorf("the decision has the attributes %v, want %v", got, want)
			}
		})
	}
}
