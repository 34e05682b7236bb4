package tracing

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestTracing(t *testing.T) {
	t.Run("spans are exported over gRPC, the last ones at the stop", testSpansAreExportedOverGRPC)
	t.Run("spans are exported over HTTP", testSpansAreExportedOverHTTP)
	t.Run("without an endpoint there is no tracer", testWithoutEndpointThereIsNoTracer)
	t.Run("a stop does not wait for a collector that is down", testStopDoesNotWaitForCollectorThatIsDown)
	t.Run("a failure is logged once, and again when its reason changes", testFailureIsLoggedOnceAndAgainWhenItsReasonChanges)
	t.Run("spans beyond the bound are dropped, counted, and delay nothing", testSpansBeyondBoundAreDropped)
}

// received are the names of the spans that a collector has received, and its resource.
type received struct {
	collector.UnimplementedTraceServiceServer

	mu    sync.Mutex
	names []string
	of    string
}

// Export implements the service of OTLP.
func (r *received) Export(_ context.Context, q *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range q.GetResourceSpans() {
		for _, a := range of.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				r.of = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.names = append(r.names, s.GetName())
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func (r *received) expect(t *testing.T, want string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.Join(r.names, " "); got != want || r.of != "impulse" {
		t.Errorf("the collector got the spans %q of %q, want %q of impulse", got, r.of, want)
	}
}

// start returns a Tracing that runs, and its log. stop stops it.
func start(t *testing.T, endpoint string) (tracing *Tracing, log *testkit.Log, stop func()) {
	t.Helper()
	log = testkit.NewLog(t)
	tracing, err := New(t.Context(), Options{Endpoint: endpoint, Version: "v1", Instance: "a", Registry: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = tracing.Run(ctx)
	}()
	return tracing, log, func() {
		cancel()
		<-done
	}
}

// endSpan makes a span.
func endSpan(tracing *Tracing, name string) {
	_, span := tracing.Tracer().Start(context.Background(), name)
	span.End()
}

func testSpansAreExportedOverGRPC(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r, server := &received{}, grpc.NewServer()
	collector.RegisterTraceServiceServer(server, r)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	t.Setenv(protocolVariable, overGRPC)
	tracing, _, stop := start(t, "http://"+listener.Addr().String())
	endSpan(tracing, "a")
	endSpan(tracing, "b")
	stop()
	r.expect(t, "a b")
}

func testSpansAreExportedOverHTTP(t *testing.T) {
	r := &received{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		var request collector.ExportTraceServiceRequest
		if err := proto.Unmarshal(body, &request); err != nil || q.URL.Path != "/otlp/v1/traces" {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		_, _ = r.Export(q.Context(), &request)
	}))
	t.Cleanup(server.Close)
	tracing, _, stop := start(t, server.URL+"/otlp")
	endSpan(tracing, "a")
	stop()
	r.expect(t, "a")
}

func testWithoutEndpointThereIsNoTracer(t *testing.T) {
	tracing, log, stop := start(t, "")
	if tracing.Tracer() != nil || tracing.Waiting() != 0 || log.String() != "" {
		t.Errorf("got the tracer %v and the log %q, want none", tracing.Tracer(), log)
	}
	stop()
}

func testStopDoesNotWaitForCollectorThatIsDown(t *testing.T) {
	tracing, log, stop := start(t, "http://"+testkit.FreeAddress(t))
	for range 1500 { // More than one batch.
		endSpan(tracing, "a")
	}
	stop()
	if tracing.Waiting() != 0 {
		t.Errorf("%d spans wait after the stop, want 0", tracing.Waiting())
	}
	if n := strings.Count(log.String(), "traces cannot be exported"); n == 0 || n > 2 { // The address refuses; later the stop ends the rest.
		t.Errorf("the log is\n%swant one line about the failure, and at most one about the stop", log)
	}
}

// exporter is a sdk.SpanExporter that fails on demand, or waits for ready.
type exporter struct {
	fail  error
	ready chan struct{}
}

func (e *exporter) ExportSpans(ctx context.Context, _ []sdk.ReadOnlySpan) error {
	if e.ready != nil {
		select {
		case <-e.ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return e.fail
}

func (e *exporter) Shutdown(context.Context) error { return nil }

// queued returns a Tracing on an exporter, with its metrics and its log.
func queued(t *testing.T, e *exporter) (*Tracing, func() (full, failed float64), *testkit.Log) {
	t.Helper()
	log, registry := testkit.NewLog(t), prometheus.NewRegistry()
	q := newQueue(e, newMetrics(registry), slog.New(slog.NewTextHandler(log, nil)), "http://collector")
	return &Tracing{queue: q, provider: sdk.NewTracerProvider(sdk.WithSpanProcessor(q))}, func() (full, failed float64) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range families[0].GetMetric() {
			if m.GetLabel()[0].GetValue() == "queue_full" {
				full = m.GetCounter().GetValue()
			} else {
				failed = m.GetCounter().GetValue()
			}
		}
		return full, failed
	}, log
}

func testFailureIsLoggedOnceAndAgainWhenItsReasonChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &exporter{}
		tracing, counts, log := queued(t, e)
		for _, fail := range []error{nil, errors.New("refused"), errors.New("refused"), errors.New("unauthorized"), nil, nil} {
			e.fail = fail
			endSpan(tracing, "a")
			<-time.After(sdk.DefaultScheduleDelay * time.Millisecond * 2)
			synctest.Wait()
		}
		tracing.queue.stop(t.Context())
		text := log.String()
		if strings.Count(text, "\n") != 3 || strings.Count(text, "error=refused") != 1 || strings.Count(text, "error=unauthorized") != 1 || strings.Count(text, "exported again") != 1 {
			t.Errorf("the log is\n%swant a line for each reason, and one for the recovery", text)
		}
		if full, failed := counts(); full != 0 || failed != 3 {
			t.Errorf("counted %g spans dropped by a full queue and %g by failures, want 0 and 3", full, failed)
		}
	})
}

func testSpansBeyondBoundAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &exporter{ready: make(chan struct{})}
		tracing, counts, _ := queued(t, e)
		began := time.Now()
		for range maxWaiting + 100 {
			endSpan(tracing, "a")
			synctest.Wait()
		}
		if full, _ := counts(); full != 100 || tracing.Waiting() != maxWaiting || time.Since(began) > 0 {
			t.Errorf("%g spans dropped and %d waiting after %s, want 100 and %d after 0s", full, tracing.Waiting(), time.Since(began), maxWaiting)
		}
		close(e.ready)
		<-time.After(time.Minute)
		synctest.Wait()
		endSpan(tracing, "b")
		if full, failed := counts(); tracing.Waiting() != 1 || full != 100 || failed != 0 {
			t.Errorf("%d spans wait after the collector has recovered, and %g and %g are dropped, want 1, 100 and 0", tracing.Waiting(), full, failed)
		}
		tracing.queue.stop(t.Context())
	})
}
