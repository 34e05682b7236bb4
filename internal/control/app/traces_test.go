package app

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestTraces(t *testing.T) {
	t.Run("a message to a follower is one trace up to the write of the count", testMessageToFollowerIsOneTraceUpToWrite)
	t.Run("a collector that is down delays and fails nothing", testCollectorThatIsDownDelaysAndFailsNothing)
	t.Run("an endpoint that is no URL is refused", testEndpointThatIsNoURLIsRefused)
}

// collected has the spans of one trace that a collector has received: its name and the name of its parent, by span ID.
type collected struct {
	collector.UnimplementedTraceServiceServer

	mu    sync.Mutex
	spans map[string][2]string
}

const tracedBySender = "4bf92f3577b34da6a3ce929d0e0e4736"

// Export implements the service of OTLP.
func (c *collected) Export(_ context.Context, q *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range q.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				if hex.EncodeToString(s.GetTraceId()) == tracedBySender {
					c.spans[string(s.GetSpanId())] = [2]string{s.GetName(), string(s.GetParentSpanId())}
				}
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

// paths returns the way from the sender to each span, as NAME/NAME.
func (c *collected) paths() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for id := range c.spans {
		var path []string
		for s, ok := c.spans[id]; ok; s, ok = c.spans[s[1]] {
			path = append(path, s[0])
		}
		slices.Reverse(path)
		all = append(all, strings.Join(path, "/"))
	}
	slices.Sort(all)
	return all
}

// collect starts a collector, and returns its URL.
func collect(t *testing.T) (*collected, string) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, server := &collected{spans: map[string][2]string{}}, grpc.NewServer()
	collector.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c, "http://" + listener.Addr().String()
}

// postTraced posts an alert in the trace of its sender, and reports whether it is recorded.
func (r *running) postTraced(ctx context.Context, namespace string) bool {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+"/v1/alertmanager/"+namespace, strings.NewReader(string(testkit.AlertmanagerWebhook("Busy", "firing"))))
	if err != nil {
		return false
	}
	q.Header.Set("Traceparent", "00-"+tracedBySender+"-00f067aa0ba902b7-01")
	response, err := http.DefaultClient.Do(q)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

func testMessageToFollowerIsOneTraceUpToWrite(t *testing.T) {
	c, url := collect(t)
	e := newEnv(t)
	o := e.options()
	o.OTLPEndpoint = url
	a := start(t, o)
	a.awaitReady()
	leads := e.holder()
	o = e.options()
	o.OTLPEndpoint = url
	b := start(t, o)
	b.awaitReady()
	testkit.Eventually(t, "the alert is recorded", func(ctx context.Context) bool { return b.postTraced(ctx, e.Namespace) })
	e.AwaitReplicas("web", 5)
	const received = "POST /v1/alertmanager/:namespace"
	const way = received + "/POST/" + received + "/record/decide/write"
	leaderChanged := func() bool { return e.holder() != leads }
	testkit.Eventually(t, "the trace is complete", func(context.Context) bool {
		paths := c.paths()
		return slices.Contains(paths, way) || slices.Contains(paths, received+"/record/decide/write") && leaderChanged()
	})
	for _, path := range c.paths() {
		if !strings.HasPrefix(way, path) && !strings.HasPrefix(received+"/record/decide/write", path) {
			t.Errorf("got the span %s, want a part of %s", path, way)
		}
	}
}

func testCollectorThatIsDownDelaysAndFailsNothing(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	e := newEnv(t)
	o := e.options()
	o.OTLPEndpoint = "http://" + testkit.FreeAddress(t)
	r := start(t, o)
	r.awaitReady()
	r.postAlert(e.Namespace, "firing")
	e.AwaitReplicas("web", 5)
	testkit.Eventually(t, "the dropped spans are counted", func(ctx context.Context) bool {
		code, metrics := r.get(ctx, "/metrics")
		return code == http.StatusOK && strings.Contains(metrics, `impulse_spans_dropped_total{reason="export_failed"}`) &&
			!strings.Contains(metrics, `impulse_spans_dropped_total{reason="export_failed"} 0`)
	})
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

func testEndpointThatIsNoURLIsRefused(t *testing.T) {
	o := Defaults()
	o.Listen, o.Kubeconfig, o.LogTo, o.OTLPEndpoint = "127.0.0.1:0", unreachableCluster(t), testkit.NewLog(t), "collector:4317"
	if err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), `--otlp-endpoint is "collector:4317": expected a URL`) {
		t.Errorf("got the error %v, want one that names the flag and what was expected", err)
	}
}
