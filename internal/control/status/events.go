package status

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

const (
	// eventsBurst and eventsPerSecond limit the Events of one object; its status has the newest changes in any case.
	eventsBurst     = 50
	eventsPerSecond = 0.2
)

// Events is a Recorder that writes to the API server. It does not block: Events above the limits are dropped, and repeated Events are
// counted in the first one.
type Events struct {
	broadcaster record.EventBroadcaster
	recorder    record.EventRecorder
}

// NewEvents returns Events, which writes to sink until Close.
func NewEvents(ctx context.Context, sink record.EventSink) *Events {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx), record.WithCorrelatorOptions(record.CorrelatorOptions{
		BurstSize: eventsBurst, QPS: eventsPerSecond,
	}))
	broadcaster.StartRecordingToSink(sink)
	return &Events{broadcaster: broadcaster, recorder: broadcaster.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: "impulse"})}
}

// Event implements Recorder.
func (e *Events) Event(o Object, warning bool, reason, note string) {
	kind := corev1.EventTypeNormal
	if warning {
		kind = corev1.EventTypeWarning
	}
	e.recorder.Event(&corev1.ObjectReference{
		APIVersion: v1alpha1.GroupVersion().String(), Kind: "ScaledObject", Namespace: o.Namespace, Name: o.Name, UID: types.UID(o.UID),
	}, kind, reason, note)
}

// Close stops writing.
func (e *Events) Close() { e.broadcaster.Shutdown() }

// Silent is a Recorder for objects from files, about which the API server accepts no Events.
type Silent struct{}

// Event does nothing: the Reporter logs all Events.
func (Silent) Event(Object, bool, string, string) {}
