// Package actuator reads and writes the replica counts of workloads through the Scale subresource, and nothing else.
// It imports nothing of ours.
//
// Counts are read from one trimmed watch per kind, shared by all targets of that kind: it starts with the first target
// and ends with the last, and so do the watches of HorizontalPodAutoscalers and, when somebody asks for them, of
// pods. Counts are written with a JSON Patch that the API server applies only if the target is still as it was seen.
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

// key is the target among others of its kind.
func (t Target) key() types.NamespacedName {
	return types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
}

// Scale is the Scale subresource of a target as it was seen once.
type Scale struct {
	// UID is that of the target itself: a target that was deleted and made again is another target.
	UID types.UID
	// Replicas is spec.replicas: the count that was asked for.
	Replicas int32
	// ResourceVersion is the target's when it was seen. It changes whenever anything about the target does.
	ResourceVersion string
	// Selector selects the target's pods, in the form of a label selector; "" when the target does not say.
	Selector string
}

// Observation is what is known of a target at one moment.
type Observation struct {
	// Scale is the target as it was last seen; with Err set, it is what was known before, or zero.
	Scale Scale
	// ForeignHPA names a HorizontalPodAutoscaler that scales the same target, "" when there is none.
	ForeignHPA string
	// Ready is the number of Running and Ready pods that are not being deleted, when the watcher asked for pods; -1 when not
	// known.
	Ready int32
	// ReadyErr says why Ready is not known although the watcher asked for pods.
	ReadyErr error
	// Err says why the target's count is not known: it wraps one of the sentinel errors, or is worth a retry, which is
	// under way. An API server that does not answer is no such reason: the last count stands, and a write is guarded.
	Err error
}

// Errors that a caller acts on; everything else is worth a retry.
var (
	// ErrNotFound: there is no such target.
	ErrNotFound = errors.New("target not found")
	// ErrNoScale: the target's kind does not exist or has no scale subresource.
	ErrNoScale = errors.New("target cannot be scaled")
	// ErrForbidden: the API server does not let us read or write it.
	ErrForbidden = errors.New("not allowed")
	// ErrConflict: the target was not as it had been seen. Nothing was written.
	ErrConflict = errors.New("target changed meanwhile")
	// ErrDenied: admission refused the write: a webhook, a policy or a quota. Nothing was written.
	ErrDenied = errors.New("denied by admission")
	// ErrAltered: admission replaced the count that was asked for. The API server stored another one.
	ErrAltered = errors.New("admission changed the count")
	// ErrThrottled: the API server pushes back (429 or 5xx) or did not answer in time. After a time-out nobody knows
	// whether the count was written; the watch will tell.
	ErrThrottled = errors.New("API server is overloaded")
)
