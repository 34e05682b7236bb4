package endpoints

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/scalers"
)

// recordTraced records a delivery, with a span around it. The decisions that follow are in the trace of that span.
func (r *Receiver) recordTraced(ctx context.Context, d store.Delivery) (store.Result, error) {
	ctx, span := r.tracer.Start(ctx, "record")
	defer span.End()
	d.Trace = traceOf(span)
	result, err := r.recorder.Record(ctx, d)
	if !span.IsRecording() {
		return result, err
	}
	span.SetAttributes(
		attribute.String("k8s.namespace.name", d.Endpoint.Namespace), attribute.Int("impulse.alerts", len(d.Alerts)), attribute.Int("impulse.alerts.changed", result.Changed),
	)
	if d.Endpoint.Trigger != "" {
		span.SetAttributes(attribute.String("impulse.scaledobject", d.Endpoint.Object), attribute.String("impulse.trigger", d.Endpoint.Trigger))
	}
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
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
