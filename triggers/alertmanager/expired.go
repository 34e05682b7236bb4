package alertmanager

import (
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// expiredAlerts are the alerts that ended at one time without a resolve, because their ttl expired.
type expiredAlerts []triggers.Alert

// update returns the expired alerts at a time at which the selected alerts have changed. Alerts that expired earlier stay in the list
// until one of them is selected again, or others expire.
func (l expiredAlerts) update(previous, current []triggers.Alert, at time.Time) expiredAlerts {
	var newest expiredAlerts
	for i := range previous {
		if a := &previous[i]; a.Stale && !a.ExpiresAt.After(at) {
			newest = append(newest, *a)
		}
	}
	if len(newest) == 0 && len(l) == 0 {
		return nil
	}
	present := make(map[model.Fingerprint]bool, len(current))
	for i := range current {
		present[fingerprint(current[i].Labels)] = true
	}
	again := func(a triggers.Alert) bool { return present[fingerprint(a.Labels)] }
	newest = slices.DeleteFunc(newest, again)
	switch {
	case len(newest) > 0:
		return newest
	case slices.ContainsFunc(l, again):
		return nil
	default:
		return l
	}
}

// expiredText returns a text about the expired alerts; "" if there are none.
func (c Config) expiredText(l expiredAlerts) string {
	if len(l) == 0 {
		return ""
	}
	first, others := &l[0], ""
	if more := len(l) - 1; more > 0 {
		others = fmt.Sprintf(" (and %d more)", more)
	}
	return fmt.Sprintf("alert %s was not repeated within its ttl%s: it has not counted since %s%s; is repeat_interval below the ttl?",
		first.Labels["alertname"], c.ttlOf(first, ""), first.ExpiresAt.UTC().Format(time.RFC3339), others)
}

// staleText returns a text about the stale alerts, which still count although they were not repeated: since when, and until when. It
// is "" if there are none.
func (c Config) staleText(alerts []triggers.Alert) string {
	var stale []triggers.Alert
	for i := range alerts {
		if alerts[i].Stale {
			stale = append(stale, alerts[i])
		}
	}
	if len(stale) == 0 {
		return ""
	}
	oldest := slices.MinFunc(stale, func(a, b triggers.Alert) int { return a.LastSeen.Compare(b.LastSeen) })
	text := fmt.Sprintf("alert %s has not been repeated since %s%s; it stops counting at %s unless it is repeated", oldest.Labels["alertname"],
		oldest.LastSeen.UTC().Format(time.RFC3339), c.ttlOf(&oldest, "ttl "), oldest.ExpiresAt.UTC().Format(time.RFC3339))
	if len(stale) > 1 {
		text += fmt.Sprintf(", and %d more have not been repeated either", len(stale)-1)
	}
	return text
}

// ttlOf returns the ttl of a stale alert in brackets, preceded by word. It is "" for an alert that began with a firing that arrived
// after its resolve: such an alert counts for a shorter time.
func (c Config) ttlOf(a *triggers.Alert, word string) string {
	if a.ExpiresAt.Sub(a.LastSeen) < 2*c.TTL {
		return ""
	}
	return " (" + word + scalers.Short(c.TTL) + ")"
}
