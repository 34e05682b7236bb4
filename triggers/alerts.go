package triggers

import (
	"context"
	"time"
)

// Alert is one firing alert, or one level that is on. Its maps are shared and must not be changed.
type Alert struct {
	// Level is what was sent to a trigger endpoint; nil for an alert, and for a level whose recorded value cannot be read.
	Level       *Level
	Labels      map[string]string
	Annotations map[string]string
	// StartsAt is when this activation began, by the sender's clock.
	StartsAt time.Time
	// LastSeen is when it was delivered last, by our clock, as of the last change of the set.
	LastSeen time.Time
	// Stale: it has not been repeated within the query's TTL. It still counts, for one more TTL.
	Stale bool
	// ExpiresAt is when a Stale alert is over unless it is repeated; zero: it is not Stale.
	ExpiresAt time.Time
	// CountsFrom is when it begins to count, of one that fires again within the query's StaleWindow after its resolve and waits for
	// the end of that; zero: it counts.
	CountsFrom time.Time
}

// AlertQuery selects alerts. An alert's labels never choose a target: a target's object chooses alerts.
type AlertQuery struct {
	// Namespace is the door the alerts came through; "" is the cluster-wide door.
	Namespace string
	// SelectedBy is the object that selects, as namespace/name: those that select an alert are counted by it. It may be "".
	SelectedBy string
	// Text is the selection as its user wrote it: two queries of one namespace with the same Text select the same.
	Text string
	// Object and Trigger select what came through the direct door of one trigger, and nothing else.
	Object, Trigger string
	// TTL is how long an alert counts without being repeated before it is Stale; after two it is over. 0: 12 hours.
	TTL time.Duration
	// StaleWindow is how long after a resolve a firing of the same activation is doubtful; 0: a minute.
	StaleWindow time.Duration
	// AbsentMeansResolved: an alert is over when a whole delivery of its group came without it and none since with it.
	AbsentMeansResolved bool
	// Equal holds labels that a selected alert must have with just this value: a hint that lets the store index its
	// watchers. It may be empty; Match is always asked as well.
	Equal map[string]string
	// Match reports whether an alert with these labels is selected. It must not block or keep the map.
	Match func(labels map[string]string) bool
}

// Alerts is the set of alerts that are firing now.
type Alerts interface {
	// Watch calls changed with every selected firing alert, those that do not count yet included, in a stable order: once at
	// once, then after each change of that set, until ctx is done; it then returns ctx.Err(). at is when the change was delivered. changed gets err instead
	// of alerts while the set is not known (it has not been loaded yet), and err beside alerts when these fire, but others
	// may as well (what was recorded was lost). It must not block. Calls do not overlap, and a call never sees an older set
	// than the call before it.
	Watch(ctx context.Context, q AlertQuery, changed func(at time.Time, alerts []Alert, err error)) error
}

// Reconciler is an Alerts that can be told what is really firing: it heals whatever deliveries were lost.
type Reconciler interface {
	// Reconcile takes in a view of the alerts that q selects, and returns when that is durable. What was delivered at or
	// after the view's time stands.
	Reconcile(ctx context.Context, q AlertQuery, v AlertView) error
}

// AlertView is what the senders themselves say of the alerts that a query selects.
type AlertView struct {
	// At is when they were asked.
	At time.Time
	// Firing alerts fire. One that is known as resolved, or as a stale firing, does so again.
	Firing []Alert
	// Suppressed alerts are silenced, inhibited or muted, or nobody knows yet whether they are: they neither begin nor end.
	Suppressed []Alert
	// Complete: every sender has answered. Alerts that are not in a complete view are over, and nothing that was lost is
	// missing any longer.
	Complete bool
	// Err says who did not answer, and why; the view is then not complete.
	Err error
}
