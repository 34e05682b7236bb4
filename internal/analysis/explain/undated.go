package explain

import (
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// undated describes what time alone changes in pushed levels above zero, at instants that a status does not have.
func undated(p *scalers.Policy, in scalers.Input, schedules Schedules, alerts Alerts) []string {
	var all []string
	for i := range in.Events {
		if t := &p.Triggers[i]; t.Continuous && t.Formula == nil && in.Events[i].Value > 0 && !schedules.follows(i) {
			all = append(all, t.Name+" "+alerts.byTimeAlone(i, in.Now.Time()))
		}
	}
	return all
}

// byTimeAlone describes what time alone changes in the level of trigger i.
func (a Alerts) byTimeAlone(i int, now time.Time) string {
	if i < len(a) && a[i] == nil {
		return "may end with the ttl of its level, if that has one"
	}
	if !a.follows(i) {
		return "may change with time: by the next step of an alert or the end of its ttl"
	}
	ends := "ends with the ttl of its alerts, unless they are repeated"
	if q, err := a[i].Selection(""); err == nil && q.TTL > 0 {
		ends = fmt.Sprintf("ends when no alert has been repeated for %s, twice the ttl", span(2*q.TTL))
	}
	if _, next, err := a[i].Level([]triggers.Alert{{StartsAt: now}}, now); err == nil && next.After(now) {
		return fmt.Sprintf("goes one step further every %s while an alert fires, and %s", span(next.Sub(now)), ends)
	}
	return ends
}
