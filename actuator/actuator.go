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

// key identifies the target among others of its kind.
func (t Target) key() types.NamespacedName {
	return types.NamespacedName{Namespace: t.Namespace, Name: t.Name}
}

// Scale is the Scale subresource of a target as it was observed once.
type Scale struct {
	// UID is that of the target itself: a target that was deleted and created again is another target.
	UID types.UID
	// Replicas is spec.replicas, the desired count.
	Replicas int32
	// ResourceVersion is the target's when it was observed. It changes whenever anything about the target does.
	ResourceVersion string
	// Selector is the label selector of the target's pods; "" when the target has none.
	Selector string
}

// Observation is the state of a target at one moment, as far as it is known.
type Observation struct {
	// Scale is the newest one; with Err set, it is the one that was known before, or zero.
	Scale Scale
	// ForeignHPA names a HorizontalPodAutoscaler that scales the same target, "" when there is none.
	ForeignHPA string
	// Ready is the number of Running and Ready pods that are not being deleted; -1 when it is unknown, or WatchOptions.Pods is not set.
	Ready int32
	// ReadyErr is the reason why Ready is unknown although WatchOptions.Pods is set. Pods that could not be read for a minute are unknown.
	ReadyErr error
	// Err is the reason why the target's count is unknown: it wraps one of the errors below, or the read is being tried again. It is also set
	// once targets of this kind could not be read for a minute. The last count then remains valid, because a write is guarded.
	Err error
}

// Errors that a caller acts on; after any other error the caller may try again.
var (
	// ErrNotFound means that there is no such target.
	ErrNotFound = errors.New("target not found")
	// ErrNoScale means that the target's kind does not exist or has no scale subresource.
	ErrNoScale = errors.New("target cannot be scaled")
	// ErrForbidden means that the API server refuses the read or the write because a permission is missing.
	ErrForbidden = errors.New("not allowed")
	// ErrConflict means that the target was no longer as it had been observed. Nothing was written.
	ErrConflict = errors.New("target changed meanwhile")
	// ErrDenied means that admission (a webhook, a policy or a quota) refused the write. Nothing was written.
	ErrDenied = errors.New("denied by admission")
	// ErrAltered means that admission replaced the requested count. The API server stored another one.
	ErrAltered = errors.New("admission changed the count")
	// ErrThrottled means that the API server answered 429 or 5xx, or not in time. After a timeout it is unknown whether the count was
	// written; the watch shows it.
	ErrThrottled = errors.New("API server is overloaded")
)
