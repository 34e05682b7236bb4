package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// stopTimeout bounds the export of the last spans when the process stops.
const stopTimeout = 2 * time.Second

// Options configure a Tracing.
type Options struct {
	// Endpoint is the URL of a collector; "" means that of OpenTelemetry's environment variables, or none.
	Endpoint string
	// Version is the version of Impulse, and Instance identifies the process.
	Version, Instance string
	Registry          prometheus.Registerer
	Log               *slog.Logger
}

// Tracing exports the spans of this process, unless there is no endpoint.
type Tracing struct {
	provider *sdk.TracerProvider
	queue    *queue
	version  string
}

// metrics count dropped spans.
type metrics struct{ full, failed prometheus.Counter }

func newMetrics(r prometheus.Registerer) *metrics {
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "impulse_spans_dropped_total", Help: "Spans of traces that were not exported, by reason: queue_full or export_failed.",
	}, []string{"reason"})
	r.MustRegister(dropped)
	return &metrics{full: dropped.WithLabelValues("queue_full"), failed: dropped.WithLabelValues("export_failed")}
}

// New returns a Tracing. It does no I/O.
func New(ctx context.Context, o Options) (*Tracing, error) {
	t, m := &Tracing{version: o.Version}, newMetrics(o.Registry)
	to, err := find(o.Endpoint, os.Getenv)
	if to == nil {
		return t, err
	}
	redirectErrors(o.Log)
	exporter, err := to.exporter(ctx)
	if err != nil {
		return nil, err
	}
	// The variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
	of, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "impulse"), attribute.String("service.version", o.Version), attribute.String("service.instance.id", o.Instance),
	), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	t.queue = newQueue(exporter, m, o.Log, to.String())
	t.provider = sdk.NewTracerProvider(sdk.WithResource(of), sdk.WithSpanProcessor(t.queue))
	o.Log.Info("traces are exported", "endpoint", to.String(), "protocol", to.protocol)
	return t, nil
}

// redirectErrors sends what the SDK reports about itself, such as invalid variables, to the log. It would go to standard error.
func redirectErrors(log *slog.Logger) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("the export of traces reports an error", "error", err) }))
	otel.SetLogger(logr.Discard())
}

// Tracer returns the tracer of this process; nil if nothing is exported.
func (t *Tracing) Tracer() trace.Tracer {
	if t.provider == nil {
		return nil
	}
	return t.provider.Tracer("github.com/impulse-sh/impulse", trace.WithInstrumentationVersion(t.version))
}

// Waiting returns the number of spans that wait for their export.
func (t *Tracing) Waiting() int {
	if t.queue == nil {
		return 0
	}
	return int(t.queue.waiting.Load())
}

// Run waits until ctx is done, and then exports the last spans, for stopTimeout at most.
func (t *Tracing) Run(ctx context.Context) error {
	<-ctx.Done()
	if t.provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	t.queue.stop(ctx)
	return nil
}
