// Package actuator reads and writes the replica counts of workloads through the Scale subresource, and nothing else.
// It imports nothing of ours.
package actuator

import (
	"errors"

	"k8s.io/apimachinery/pkg/types"
)

// Target names a workload: anything with a Scale subresource.
type Target struct {
	Namespace  string
	APIVersion string
	Kind       string
	Name       string
}

// String returns "kind/name", the way a user would type it.
func (t Target) String() string { return t.Kind + "/" + t.Name }

// Scale is the Scale subresource of a target as it was seen once.
type Scale struct {
	// UID is that of the target itself: a target that was deleted and made again is another target.
	UID types.UID
	// Replicas is spec.replicas: the count that was asked for.
	Replicas int32
	// Generation counts what was seen of the target, so that a later observation can be told from an earlier one.
	ResourceVersion string
	// Selector selects the target's pods, in the form of a label selector; "" when the target does not say.
	Selector string
}

// Observation is what is known of a target at one moment.
type Observation struct {
	Scale Scale
	// ForeignHPA names a HorizontalPodAutoscaler that scales the same target, "" when there is none.
	ForeignHPA string
	// Ready is the number of Running and Ready pods, when the watcher asked for pods; -1 when not known.
	Ready int32
	// Err says why the target's count is not known: it wraps one of the sentinel errors, or is worth a retry, which is
	// under way.
	Err error
}

// Errors that a caller acts on; everything else is worth a retry.
var (
	// ErrNotFound: there is no such target.
	ErrNotFound = errors.New("target not found")
	// ErrNoScale: the target's kind does not exist or has no scale subresource.
	ErrNoScale = errors.New("target has no scale subresource")
	// ErrForbidden: the API server does not let us read or write it.
	ErrForbidden = errors.New("not allowed")
	// ErrConflict: the target was not as it had been seen. Nothing was written.
	ErrConflict = errors.New("target changed meanwhile")
	// ErrThrottled: the API server pushes back (429 or 5xx).
	ErrThrottled = errors.New("API server is overloaded")
)

// WatchOptions say what is needed to know of a target besides its count.
type WatchOptions struct {
	// Pods: the number of ready pods as well.
	Pods bool
}
