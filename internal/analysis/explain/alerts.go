package explain

import (
	"time"

	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Alerts are the triggers whose level follows from alerts, in the order of the policy; nil for the others.
type Alerts []triggers.Alerted

// AlertsOf returns the triggers of a workload that follow alerts.
func AlertsOf(w *compile.Workload) Alerts {
	alerts := make(Alerts, len(w.Triggers))
	for i := range w.Triggers {
		alerts[i], _ = w.Triggers[i].Config.(triggers.Alerted)
	}
	return alerts
}

// follows reports whether the level of trigger i follows from alerts.
func (a Alerts) follows(i int) bool { return i < len(a) && a[i] != nil }

// withOneMore returns the level of trigger i once one more alert fires, and describes that alert. ok is false when the level depends
// on more than whether an alert fires: then there is no single alert to try.
func (a Alerts) withOneMore(p *scalers.Policy, i int, level scalers.Milli, now time.Time) (after scalers.Milli, what string, ok bool) {
	if !a.follows(i) || !p.Triggers[i].Exact {
		return 0, "", false
	}
	if p.Triggers[i].Increment.Amount != 0 {
		if level > 0 {
			return level + 1000, "one more step", true
		}
		return 1000, "an alert that matches fires", true
	}
	one, _, err := a[i].Level([]triggers.Alert{{StartsAt: now}}, now)
	two, _, twice := a[i].Level(make([]triggers.Alert, 2), now)
	return one, "an alert that matches fires", err == nil && twice == nil && one == two
}

// otherwiseByAlerts returns what the start and the end of the alerts of trigger i would change; nil for a trigger that withOneMore
// cannot answer for.
func otherwiseByAlerts(p *scalers.Policy, in scalers.Input, i int, wanted int32, alerts Alerts, schedules Schedules) []Otherwise {
	level := eventOf(&in, i).Value
	after, what, ok := alerts.withOneMore(p, i, level, in.Now.Time())
	if !ok {
		return nil
	}
	var all []Otherwise
	if after != level {
		all = append(all, otherwiseAt(p, in, i, after, wanted, schedules))
		all[0].When = what
	}
	if level > 0 {
		end := otherwiseAt(p, in, i, 0, wanted, schedules)
		end.When = "no alert fires any longer"
		all = append(all, end)
	}
	return all
}

// otherwiseAt returns the effect of another level of trigger i: another count, or the rule that prevents it and the count after that.
func otherwiseAt(p *scalers.Policy, in scalers.Input, i int, level scalers.Milli, wanted int32, schedules Schedules) Otherwise {
	o := Otherwise{Trigger: p.Triggers[i].Name, Raises: level > in.Events[i].Value}
	in = with(in, i, level)
	if d := decide(p, in); d.Replicas != wanted {
		o.To = d.Replicas
	} else {
		o.Because, o.Until = obstacle(p, &d, i, o.Raises)
		if changes := ahead(p, in, &d, schedules, false); o.Until != nil && len(changes) > 0 {
			o.Then = &changes[0]
		}
	}
	return o
}
