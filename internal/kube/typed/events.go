package typed

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// EventSink writes Events, each in its own namespace.
type EventSink struct {
	ctx    context.Context //nolint:containedctx // A sink is made for one write.
	client rest.Interface
}

// Create creates an Event.
func (s EventSink) Create(e *corev1.Event) (*corev1.Event, error) {
	return s.send(s.client.Post().Namespace(e.Namespace).Resource("events").Body(e))
}

// Patch changes an Event by a strategic merge patch.
func (s EventSink) Patch(e *corev1.Event, patch []byte) (*corev1.Event, error) {
	return s.send(s.client.Patch(types.StrategicMergePatchType).Namespace(e.Namespace).Resource("events").Name(e.Name).Body(patch))
}

func (s EventSink) send(r *rest.Request) (*corev1.Event, error) {
	written := &corev1.Event{}
	return written, r.UseProtobufAsDefault().Do(s.ctx).Into(written)
}
