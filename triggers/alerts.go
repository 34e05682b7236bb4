package triggers

import (
	"context"
	"time"
)

// Alert is one firing alert. Its maps are shared and must not be changed.
type Alert struct {
	Labels      map[string]string
	Annotations map[string]string
}

// AlertQuery selects alerts. An alert's labels never choose a target: a target's object chooses alerts.
type AlertQuery struct {
	// Namespace is the door the alerts came through; "" is the cluster-wide door.
	Namespace string
	// Equal holds labels that a selected alert must have with just this value: a hint that lets the store index its
	// watchers. It may be empty; Match is always asked as well.
	Equal map[string]string
	// Match reports whether an alert with these labels is selected. It must not block or keep the map.
	Match func(labels map[string]string) bool
}

// Alerts is the set of alerts that are firing now.
type Alerts interface {
	// Watch calls changed with every selected firing alert, in a stable order: once at once, then after each change of
	// that set, until ctx is done; it then returns ctx.Err(). at is when the change was delivered. changed gets err instead
	// of alerts while the set is not known (the state was lost, or has not been loaded yet). It must not block. Calls do not
	// overlap, and a call never sees an older set than the call before it.
	Watch(ctx context.Context, q AlertQuery, changed func(at time.Time, alerts []Alert, err error)) error
}
