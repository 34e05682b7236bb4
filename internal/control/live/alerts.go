package live

import (
	"time"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
)

// maxAlerts bounds the alerts of one trigger that are shown.
const maxAlerts = 20

// Alert is an alert that a trigger selects.
type Alert struct {
	Trigger string `json:"trigger"`
	// State is firing, stale (it counts, and was not repeated within its ttl) or waits (it counts from Begins on).
	State    string            `json:"state"`
	Labels   map[string]string `json:"labels"`
	StartsAt time.Time         `json:"startsAt"`
	Begins   *time.Time        `json:"begins,omitempty"`
}

// alertsOf returns the newest alerts that the triggers of a workload select, and how many there are.
func (v *View) alertsOf(w *compile.Workload) (all []Alert, total int) {
	if v.alerts == nil {
		return nil, 0
	}
	for i := range w.Triggers {
		config, ok := w.Triggers[i].Config.(triggers.Alerted)
		if !ok {
			continue
		}
		q, err := config.Selection(w.Namespace)
		if err != nil {
			continue // The trigger reports it.
		}
		q.SelectedBy = w.Key()
		some, n := v.alerts.Selected(&q, maxAlerts)
		total += n
		for j := range some {
			all = append(all, alertOf(w.Triggers[i].Name, &some[j]))
		}
	}
	return all, total
}

func alertOf(trigger string, s *store.Selected) Alert {
	a := Alert{Trigger: trigger, State: "firing", Labels: s.Labels, StartsAt: s.StartsAt}
	switch {
	case s.State.Stale:
		a.State = "stale"
	case !s.State.Counts:
		a.State, a.Begins = "waits", &s.State.CountsFrom
	}
	return a
}
