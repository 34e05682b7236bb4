package status

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/events"
)

// Events is a Recorder that writes to the API server.
type Events struct{ Recorder *events.Recorder }

// Event implements Recorder.
func (e Events) Event(o Object, warning bool, reason, note string) {
	about := corev1.ObjectReference{
		APIVersion: v1alpha1.GroupVersion().String(), Kind: "ScaledObject", Namespace: o.Namespace, Name: o.Name, UID: types.UID(o.UID),
	}
	e.Recorder.Event(about, warning, reason, note)
}

// Silent is a Recorder for objects from files, about which the API server accepts no Events.
type Silent struct{}

// Event does nothing: the Reporter logs all Events.
func (Silent) Event(Object, bool, string, string) {}
