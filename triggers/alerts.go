package triggers

import (
	"context"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Alert is one firing alert, or one level that has not ended. Its maps are shared and must not be changed.
type Alert struct {
	// Level is the level that was sent to a trigger endpoint; nil for an alert, and for a level whose recorded value cannot be read.
	Level       *Level
	Labels      map[string]string
	Annotations map[string]string
	// StartsAt is when the alert began to fire, by the sender's clock.
	StartsAt time.Time
	// LastSeen is when it was last delivered, by the clock of Impulse. It is updated only when the set of selected alerts changes.
	LastSeen time.Time
	// Stale is true for an alert that was not repeated within the query's TTL. It still counts, for one more TTL.
	Stale bool
	// ExpiresAt is when a stale alert ends unless it is repeated. It is zero for an alert that is not stale.
	ExpiresAt time.Time
	// CountsFrom is when a late firing begins to count: one that arrived within the query's LateWindow after the alert resolved. It
	// is zero for an alert that counts.
	CountsFrom time.Time
}

// AlertQuery selects alerts. A ScaledObject selects alerts; the labels of an alert never choose a target.
type AlertQuery struct {
	// Namespace is the namespace of the receiver that the alerts arrived at; "" is the cluster-wide receiver.
	Namespace string
	// SelectedBy is the object that selects, as namespace/name, for counting the objects that select an alert. It may be "".
	SelectedBy string
	// Text is the selection as its user wrote it. Two queries of one namespace with the same Text select the same alerts.
	Text string
	// Object and Trigger, if set, select only the records of one trigger's endpoint.
	Object, Trigger string
	// TTL is how long an alert counts without being repeated before it becomes stale. After twice that time it ends. 0 means 12 hours.
	TTL time.Duration
	// LateWindow is how long after a resolve a firing with the same start is a late firing, which does not count yet. 0 means one minute.
	LateWindow time.Duration
	// AbsentMeansResolved ends an alert when a complete delivery of its group did not contain it and no later one did.
	AbsentMeansResolved bool
	// Equal has labels that every selected alert has with exactly this value, so that the store can index its watchers. It may be
	// empty, and Match is called in any case.
	Equal map[string]string
	// Match reports whether an alert with these labels is selected. It must not block, and must not retain the map.
	Match func(labels map[string]string) bool
}

// Cause is what led to a change.
type Cause struct {
	// At is when its message was received, or when the change was due without one.
	At time.Time
	// Trace is the span of the message; it is zero without one. An event that follows from the change has it.
	Trace scalers.Trace
}

// Alerts is the set of alerts that are firing now.
type Alerts interface {
	// Follow calls changed with all selected firing alerts, including those that do not count yet, in a stable order: once before it
	// returns and after each change. stop waits for a call in progress, and none follows. c is the cause of the change. err without
	// alerts means that the set is unknown, because it has not been loaded yet; err with alerts means that these fire and that
	// others may fire too, because records were lost. changed must not block. Calls do not overlap, and no call gets an older set
	// than the call before it.
	Follow(q AlertQuery, changed func(c Cause, alerts []Alert, err error)) (stop func())
}

// Reconciler is implemented by an Alerts that can be corrected with the alerts that the senders report as firing, in case deliveries
// were lost.
type Reconciler interface {
	// Reconcile applies a view to the alerts that q selects, and returns when the result is durable. Deliveries at or after the
	// time of the view take precedence over it.
	Reconcile(ctx context.Context, q AlertQuery, v AlertView) error
}

// AlertView is the state of the alerts that a query selects, as the senders report it.
type AlertView struct {
	// At is when the senders were queried.
	At time.Time
	// Firing has the alerts that fire. They count, even if they are recorded as resolved or as late firings.
	Firing []Alert
	// Suppressed has the alerts that are silenced, inhibited or muted, or may be. The view does not change their records.
	Suppressed []Alert
	// Complete is true if every sender answered. Alerts that are not in a complete view end, and lost records count as recovered.
	Complete bool
	// Err names the senders that did not answer, with the reasons. The view is then not complete.
	Err error
}
