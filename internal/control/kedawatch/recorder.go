package kedawatch

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/kube/events"
	"github.com/impulse-sh/impulse/internal/printable"
)

// longestEvent bounds the message of an Event, which the API server limits to 1024 bytes.
const longestEvent = 1000

// recorder records Events about KEDA's objects. It does not block.
type recorder struct{ *events.Recorder }

func (r recorder) event(about *unstructured.Unstructured, warning bool, reason, message string) {
	r.Event(corev1.ObjectReference{
		APIVersion: about.GetAPIVersion(), Kind: about.GetKind(), Namespace: about.GetNamespace(), Name: about.GetName(), UID: about.GetUID(),
	}, warning, reason, printable.Line(message, longestEvent))
}

// notes writes one Event about what was removed from a new version, or differs.
func (r recorder) notes(about *unstructured.Unstructured, notes []diag.Error) {
	if len(notes) == 0 {
		return
	}
	all := make([]string, len(notes))
	for i, n := range notes {
		all[i] = fmt.Sprintf("%s: %s (%s)", n.Field, n.Problem, n.Suggestion)
	}
	r.event(about, false, "Converted", strings.Join(all, "; "))
}
