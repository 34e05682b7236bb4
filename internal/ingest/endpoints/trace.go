package endpoints

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

// startMessage begins the span of a message that came over NATS, in the trace that its header traceparent names, or else in a new one. The names
// are those of OpenTelemetry's conventions for messaging.
func (r *Receiver) startMessage(ctx context.Context, header http.Header) (context.Context, trace.Span) {
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(header))
	return r.tracer.Start(ctx, "process", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.name", "process"), attribute.String("messaging.operation.type", "process"),
	))
}

// recordTraced records a delivery, with a span around it if there is a tracer. The decisions that follow are in the trace of that span.
func (r *Receiver) recordTraced(ctx context.Context, d store.Delivery) (store.Result, error) {
	if r.tracer == nil {
		return r.recorder.Record(ctx, d)
	}
	ctx, span := r.tracer.Start(ctx, "record")
	defer span.End()
	d.Trace = traceOf(span)
	result, err := r.recorder.Record(ctx, d)
	if !span.IsRecording() {
		return result, err
	}
	span.SetAttributes(
		attribute.String("k8s.namespace.name", d.Endpoint.Namespace), attribute.Int("impulse.alerts.received", len(d.Alerts)), attribute.Int("impulse.alerts.changed", result.Changed),
	)
	if d.Endpoint.Trigger != "" {
		span.SetAttributes(attribute.String("impulse.scaledobject", d.Endpoint.Object), attribute.String("impulse.trigger", d.Endpoint.Trigger))
	}
	if err != nil {
		span.SetStatus(codes.Error, printable.Line(err.Error(), printable.Longest))
	}
	return result, err
}

// traceOf identifies a span for events; it is zero if the span is not of a trace.
func traceOf(span trace.Span) scalers.Trace {
	c := span.SpanContext()
	if !c.IsValid() {
		return scalers.Trace{}
	}
	return scalers.Trace{ID: c.TraceID(), Span: c.SpanID(), Sampled: c.IsSampled()}
}
