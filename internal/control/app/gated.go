package app

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/kube/events"
	"github.com/impulse-sh/impulse/internal/kube/writes"
)

// countWriter writes counts, which do not wait at the gate when they have had their turn: they go before all other writes, and show how busy
// the API server is.
type countWriter struct {
	*actuator.Client

	gate *writes.Gate
}

// Set implements autoscaler.Actuator.
func (w countWriter) Set(ctx context.Context, t actuator.Target, observed actuator.Scale, n int32) (actuator.Scale, error) {
	end := w.gate.Begin(ctx, writes.Counts, t.Namespace)
	stored, err := w.Client.Set(ctx, t, observed, n)
	end(err)
	return stored, err
}

// gatedAlerts is an alertWriter whose writes wait at the gate.
type gatedAlerts struct {
	alertWriter

	gate *writes.Gate
}

// Turn implements store.Turner. Records are in Impulse's own namespace.
func (w gatedAlerts) Turn(ctx context.Context) (end func(error)) {
	return w.gate.Begin(ctx, writes.Records, "")
}

// eventSink writes Events, each of which waits at the gate.
type eventSink struct {
	ctx  context.Context //nolint:containedctx // The interface of a sink has no context.
	sink events.Sink
	gate *writes.Gate
}

// eventSink returns a sink of Events whose requests end with ctx.
func (p *process) eventSink(ctx context.Context) events.Sink {
	return eventSink{ctx, p.core.EventSink(ctx), p.gate}
}

// Create implements events.Sink.
func (s eventSink) Create(e *corev1.Event) (*corev1.Event, error) {
	return s.write(e.Namespace, func() (*corev1.Event, error) { return s.sink.Create(e) })
}

// Patch implements events.Sink.
func (s eventSink) Patch(e *corev1.Event, patch []byte) (*corev1.Event, error) {
	return s.write(e.Namespace, func() (*corev1.Event, error) { return s.sink.Patch(e, patch) })
}

func (s eventSink) write(namespace string, write func() (*corev1.Event, error)) (*corev1.Event, error) {
	end := s.gate.Begin(s.ctx, writes.Events, namespace)
	written, err := write()
	end(err)
	return written, err
}
