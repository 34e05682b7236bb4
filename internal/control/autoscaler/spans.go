package autoscaler

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/internal/printable"
	"github.com/impulse-sh/impulse/scalers"
)

// spans makes a span of each decision on a traced event, and of each write. A decision on other events is a trace of its own if it changes the
// count. Without a tracer nothing is made, and nothing is allocated.
type spans struct {
	tracer trace.Tracer
	// cause is the span of the latest decision that has one. Writes are in its trace.
	cause trace.SpanContext
}

// now returns the time; zero without a tracer.
func (s *spans) now() time.Time {
	if s.tracer == nil {
		return time.Time{}
	}
	return time.Now()
}

// decided makes the span of a decision that began at a time, and was taken in the step with these inputs.
func (s *spans) decided(w *compile.Workload, state *loop.State, in *loop.Inputs, began time.Time) {
	if s.tracer == nil {
		return
	}
	d, from := state.Decision(), state.From()
	parent, links := tracesOf(in)
	if !parent.IsValid() && d.Replicas == from {
		return
	}
	ctx := trace.ContextWithSpanContext(context.Background(), parent)
	_, span := s.tracer.Start(ctx, "decide", trace.WithTimestamp(began), trace.WithLinks(links...))
	defer span.End()
	s.cause = span.SpanContext()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attributesOf(w, from, d.Replicas)...)
	span.SetAttributes(attribute.StringSlice("impulse.limited_by", d.LimitedBy()))
	if i := triggerOf(d, in); i >= 0 && i < len(w.Policy.Triggers) {
		span.SetAttributes(attribute.String("impulse.trigger", w.Policy.Triggers[i].Name))
	}
}

// tracesOf returns the span of the first traced reading that has arrived, and links to those of the others.
func tracesOf(in *loop.Inputs) (parent trace.SpanContext, links []trace.Link) {
	for i := range in.Readings {
		t := &in.Readings[i].Trace
		if in.Arrived&(1<<i) == 0 || *t == (scalers.Trace{}) {
			continue
		}
		c := trace.SpanContextConfig{TraceID: t.ID, SpanID: t.Span}
		if t.Sampled {
			c.TraceFlags = trace.FlagsSampled
		}
		if parent.IsValid() {
			links = append(links, trace.Link{SpanContext: trace.NewSpanContext(c)})
		} else {
			parent = trace.NewSpanContext(c)
		}
	}
	return parent, links
}

// triggerOf returns the trigger whose traced reading led to a decision, else the one whose reading did, else the winner; -1 if there is none.
func triggerOf(d *scalers.Decision, in *loop.Inputs) int {
	arrived := -1
	for i := range in.Readings {
		if in.Arrived&(1<<i) == 0 {
			continue
		}
		if in.Readings[i].Trace != (scalers.Trace{}) {
			return i
		}
		if arrived < 0 {
			arrived = i
		}
	}
	if arrived < 0 {
		return d.Winner
	}
	return arrived
}

// attributesOf returns the attributes of a change of the count.
func attributesOf(w *compile.Workload, from, to int32) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("k8s.namespace.name", w.Namespace), attribute.String("impulse.scaledobject", w.Name),
		attribute.Int("impulse.replicas.from", int(from)), attribute.Int("impulse.replicas.to", int(to)),
	}
}

// writeSpan is the span of a write; its zero value is none.
type writeSpan struct{ trace.Span }

// ofWrite begins the span of a write.
func (s *spans) ofWrite(w *compile.Workload, write *loop.Write) writeSpan {
	if s.tracer == nil {
		return writeSpan{}
	}
	ctx := trace.ContextWithSpanContext(context.Background(), s.cause)
	_, span := s.tracer.Start(ctx, "write", trace.WithAttributes(attributesOf(w, write.From.Replicas, write.To)...))
	return writeSpan{span}
}

// end ends the span with the result of the write.
func (s writeSpan) end(err error) {
	if s.Span == nil {
		return
	}
	if err != nil {
		s.SetStatus(codes.Error, printable.Line(err.Error(), printable.Longest))
	}
	s.End()
}
