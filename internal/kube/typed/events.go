package typed

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// eventSink writes Events, each in its own namespace. The interface of a broadcaster's sink has no context.
type eventSink struct {
	ctx    context.Context //nolint:containedctx // See above.
	client rest.Interface
}

// Create implements record.EventSink.
func (s eventSink) Create(e *corev1.Event) (*corev1.Event, error) {
	return s.send(s.client.Post().Namespace(e.Namespace).Resource("events").Body(e))
}

// Update implements record.EventSink.
func (s eventSink) Update(e *corev1.Event) (*corev1.Event, error) {
	return s.send(s.client.Put().Namespace(e.Namespace).Resource("events").Name(e.Name).Body(e))
}

// Patch implements record.EventSink.
func (s eventSink) Patch(e *corev1.Event, patch []byte) (*corev1.Event, error) {
	return s.send(s.client.Patch(types.StrategicMergePatchType).Namespace(e.Namespace).Resource("events").Name(e.Name).Body(patch))
}

func (s eventSink) send(r *rest.Request) (*corev1.Event, error) {
	written := &corev1.Event{}
	return written, r.UseProtobufAsDefault().Do(s.ctx).Into(written)
}
