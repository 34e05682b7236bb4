package kedawatch

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/printable"
)

// longestEvent bounds the message of an Event, which the API server limits to 1024 bytes.
const longestEvent = 1000

// recorder writes Events about KEDA's objects. It does not block.
type recorder struct {
	broadcaster record.EventBroadcaster
	recorder    record.EventRecorder
}

func newRecorder(ctx context.Context, sink record.EventSink) *recorder {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(sink)
	return &recorder{broadcaster: broadcaster, recorder: broadcaster.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: "impulse"})}
}

func (r *recorder) close() { r.broadcaster.Shutdown() }

func (r *recorder) event(about *unstructured.Unstructured, kind, reason, message string) {
	r.recorder.Event(&corev1.ObjectReference{
		APIVersion: about.GetAPIVersion(), Kind: about.GetKind(), Namespace: about.GetNamespace(), Name: about.GetName(), UID: about.GetUID(),
	}, kind, reason, printable.Line(message, longestEvent))
}

// notes writes one Event about what was removed from a new version, or differs.
func (r *recorder) notes(about *unstructured.Unstructured, notes []diag.Error) {
	if len(notes) == 0 {
		return
	}
	all := make([]string, len(notes))
	for i, n := range notes {
		all[i] = fmt.Sprintf("%s: %s (%s)", n.Field, n.Problem, n.Suggestion)
	}
	r.event(about, corev1.EventTypeNormal, "Converted", strings.Join(all, "; "))
}
