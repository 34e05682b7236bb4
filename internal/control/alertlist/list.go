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

// ClusterWide is the namespace of alerts that the cluster-wide receiver received.
const ClusterWide = "*"

// Alert is one alert or pushed level.
type Alert struct {
	// Namespace of the objects that may select it, or ClusterWide.
	Namespace string `json:"namespace"`
	// State is firing, pushed, stale, waits, over or resolved. If objects have different states, it is the first of them in this order.
	State string `json:"state"`
	// Begins is when a waiting alert begins to count. EndedBy is what ended an alert without a resolve: ttl or absence.
	Begins  *time.Time `json:"begins,omitempty"`
	EndedBy string     `json:"endedBy,omitempty"`
	// Credential is the name of the sender's credential. Trigger is the object/trigger that a level was pushed to.
	Credential  string `json:"credential,omitempty"`
	Trigger     string `json:"trigger,omitempty"`
	Fingerprint string `json:"fingerprint"`
	// Level is set for a record of a trigger endpoint; an alert has labels and annotations instead.
	Level       *Level            `json:"level,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt"`
	// LastSeen is when it was delivered last, as of the last write; few repeats are written.
	LastSeen time.Time  `json:"lastSeen"`
	EndsAt   *time.Time `json:"endsAt,omitempty"`
	// Until is when the ttl of a pushed level expires.
	Until *time.Time `json:"until,omitempty"`
	// SelectedBy lists the objects that select it, as namespace/name.
	SelectedBy []string `json:"selectedBy"`
	// Otherwise has the states for those objects for which the state is not State.
	Otherwise map[string]string `json:"otherwise,omitempty"`
}

// Level is what was sent to a trigger endpoint.
type Level struct {
	Key string `json:"key,omitempty"`
	// Value is unset once the level is over.
	Value string `json:"value,omitempty"`
}

// Filter determines which alerts are listed.
type Filter struct {
	// Namespace lists alerts that were received for one namespace only; "" lists all.
	Namespace string
	// Resolved lists resolved alerts as well.
	Resolved bool
	// Match lists alerts for whose labels it returns true only; nil lists all.
	Match func(labels map[string]string) bool
}

// List returns the recorded alerts, sorted by namespace and name, with the workloads that select each, and its state at a time.
func List(stored []v1alpha1.AlertRecord, workloads []*compile.Workload, f Filter, now time.Time) []Alert {
	all, selectors := []Alert{}, selectorsOf(workloads)
	for i := range stored {
		a := alertOf(&stored[i])
		if f.Namespace != "" && a.Namespace != f.Namespace || f.Match != nil && !f.Match(a.labels()) {
			continue
		}
		if a.setState(&stored[i], selectors, now); a.State != Resolved || f.Resolved {
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

// Name returns the alertname, or the trigger of a pushed level.
func (a *Alert) Name() string { return cmp.Or(a.Trigger, a.Labels["alertname"]) }

// labels returns the labels of an alert. For a level it returns the key as a label.
func (a *Alert) labels() map[string]string {
	if a.Level != nil {
		return map[string]string{"key": a.Level.Key}
	}
	return a.Labels
}

// alertOf returns a recorded alert, without its state.
func alertOf(s *v1alpha1.AlertRecord) Alert {
	endpoint := store.ParseEndpoint(s.Endpoint)
	a := Alert{
		Namespace: cmp.Or(endpoint.Namespace, ClusterWide), Credential: endpoint.Credential, Fingerprint: s.Fingerprint,
		Labels: s.Labels, Annotations: s.Annotations, StartsAt: s.StartsAt.Time, LastSeen: s.LastSeen.Time,
	}
	if endpoint.Object != "" {
		a.Trigger = endpoint.Object + "/" + endpoint.Trigger
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

// selector is the query of one trigger.
type selector struct {
	object string
	query  triggers.AlertQuery
	// shadow: the trigger belongs to the shadow policy.
	shadow bool
}

// selectorsOf returns the selectors of all triggers, by the namespace of their queries. Those of an object precede those of its shadow
// policy.
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

// selects reports whether a record of an endpoint of the query's namespace is selected.
func (s *selector) selects(endpoint store.Endpoint, labels map[string]string) bool {
	if s.query.Object != "" || endpoint.Object != "" {
		return s.query.Object == endpoint.Object && s.query.Trigger == endpoint.Trigger
	}
	return s.query.Match(labels)
}

// brief joins up to three names.
func brief(names []string) string {
	const most = 3
	text := strings.Join(names[:min(len(names), most)], ", ")
	if len(names) > most {
		text += ", …"
	}
	return cmp.Or(text, "-")
}
