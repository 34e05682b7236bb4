// Package alertlist lists the alerts and pushed levels that a process has recorded: what is known of each, which objects select it,
// and whether it counts for them.
package alertlist

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// ClusterWide is the namespace of alerts that came through the cluster-wide door.
const ClusterWide = "*"

// Alert is one alert or pushed level.
type Alert struct {
	// Namespace is that of the objects that may select it, or ClusterWide.
	Namespace string `json:"namespace"`
	// State is that for the object for which the alert counts most.
	State string `json:"state"`
	// Begins is when an alert that waits begins to count, and EndedBy what ended one that is over without a resolve: ttl or
	// absence.
	Begins  *time.Time `json:"begins,omitempty"`
	EndedBy string     `json:"endedBy,omitempty"`
	// Credential is the name of what its sender has shown, Trigger the object/trigger that a level was pushed to.
	Credential  string `json:"credential,omitempty"`
	Trigger     string `json:"trigger,omitempty"`
	Fingerprint string `json:"fingerprint"`
	// Level is that of a trigger endpoint; an alert has labels and annotations instead.
	Level       *Level            `json:"level,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	// LastSeen is when it was delivered last; it may have been repeated since, as repeats alone are rarely written.
	LastSeen time.Time  `json:"lastSeen"`
	EndsAt   *time.Time `json:"endsAt,omitempty"`
	// Until is when a level that was pushed with a TTL is over.
	Until *time.Time `json:"until,omitempty"`
	// SelectedBy are the objects that select it, as namespace/name.
	SelectedBy []string `json:"selectedBy"`
	// Otherwise holds the states for those of them for which it counts less.
	Otherwise map[string]string `json:"otherwise,omitempty"`
}

// Level is what was sent to a trigger endpoint.
type Level struct {
	Key string `json:"key,omitempty"`
	// Value is unset once the level is over.
	Value string `json:"value,omitempty"`
}

// Filter says which alerts are listed.
type Filter struct {
	// Namespace restricts them to what objects of one namespace may select by its own door; "" takes all.
	Namespace string
	// Resolved takes those that are resolved as well.
	Resolved bool
	// Match is asked of the labels; nil takes all.
	Match func(labels map[string]string) bool
}

// List returns what is stored, by namespace and name, with those of the workloads that select each, and its state at a time.
func List(stored []v1alpha1.AlertRecord, workloads []*compile.Workload, f Filter, now time.Time) []Alert {
	all, selectors := []Alert{}, selectorsOf(workloads)
	for i := range stored {
		a := alertOf(&stored[i])
		if f.Namespace != "" && a.Namespace != f.Namespace || f.Match != nil && !f.Match(a.labels()) {
			continue
		}
		if a.judge(&stored[i], selectors, now); a.State != Resolved || f.Resolved {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b Alert) int {
		return cmp.Or(
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name(), b.Name()),
			cmp.Compare(a.Fingerprint, b.Fingerprint), cmp.Compare(a.Credential, b.Credential),
		)
	})
	return all
}

// Name is the alertname, or the trigger of a pushed level.
func (a *Alert) Name() string { return cmp.Or(a.Trigger, a.Labels["alertname"]) }

// labels are those of an alert; a level has its key.
func (a *Alert) labels() map[string]string {
	if a.Level != nil {
		return map[string]string{"key": a.Level.Key}
	}
	return a.Labels
}

// alertOf reads a stored alert.
func alertOf(s *v1alpha1.AlertRecord) Alert {
	door := store.ParseEndpoint(s.Endpoint)
	a := Alert{
		Namespace: cmp.Or(door.Namespace, ClusterWide), Credential: door.Credential, Fingerprint: s.Fingerprint,
		Labels: s.Labels, Annotations: s.Annotations, StartsAt: s.StartsAt.Time, LastSeen: s.LastSeen.Time,
	}
	if door.Object != "" {
		a.Trigger = door.Object + "/" + door.Trigger
	}
	if l := s.Level; l != nil {
		a.Level = &Level{Key: l.Key}
		if l.MilliValue != nil {
			a.Level.Value = scalers.Milli(*l.MilliValue).String()
		}
	}
	if s.EndsAt != nil {
		a.EndsAt = &s.EndsAt.Time
	}
	if s.Until != nil {
		a.Until = &s.Until.Time
	}
	return a
}

// selector is what one trigger of an object selects.
type selector struct {
	object string
	query  triggers.AlertQuery
	// shadow reports whether the trigger is the shadow policy's.
	shadow bool
}

// selectorsOf are those of all triggers, by the namespace of the door that they listen at. An object's own come before its shadow's.
func selectorsOf(workloads []*compile.Workload) map[string][]selector {
	all := map[string][]selector{}
	add := func(w *compile.Workload, shadow bool) {
		for i := range w.Triggers {
			t := &w.Triggers[i]
			q := triggers.AlertQuery{Namespace: w.Namespace, Object: w.Name, Trigger: t.Name}
			if config, ok := t.Config.(triggers.Alerted); ok {
				var err error
				if q, err = config.Selection(w.Namespace); err != nil {
					continue
				}
			}
			all[q.Namespace] = append(all[q.Namespace], selector{w.Key(), q, shadow})
		}
	}
	for _, w := range workloads {
		if add(w, false); w.Shadow != nil {
			add(w.Shadow, true)
		}
	}
	return all
}

// selects reports whether what came through a door is selected.
func (s *selector) selects(door store.Endpoint, labels map[string]string) bool {
	if s.query.Object != "" || door.Object != "" {
		return s.query.Object == door.Object && s.query.Trigger == door.Trigger
	}
	return s.query.Match(labels)
}

// brief joins the first of several names.
func brief(names []string) string {
	const most = 3
	text := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += ", …"
	}
	return cmp.Or(text, "-")
}
