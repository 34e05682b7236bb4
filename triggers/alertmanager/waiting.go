package alertmanager

import (
	"fmt"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// split separates the alerts that count from those that wait for the end of their late window.
func split(alerts []triggers.Alert) (counting, waiting []triggers.Alert) {
	for i := range alerts {
		if alerts[i].CountsFrom.IsZero() {
			counting = append(counting, alerts[i])
		} else {
			waiting = append(waiting, alerts[i])
		}
	}
	return counting, waiting
}

// waitNotice returns the notice about waiting alerts; the zero value if there are none.
func waitNotice(waiting []triggers.Alert) scalers.Notice {
	if len(waiting) == 0 {
		return scalers.Notice{}
	}
	first := slices.MinFunc(waiting, func(a, b triggers.Alert) int { return a.CountsFrom.Compare(b.CountsFrom) })
	n := scalers.Notice{Reason: "AlertWaits", Text: fmt.Sprintf(
		"alert %s fires again after its resolve: it counts from %s on unless it resolves once more (lateWindow)",
		first.Labels["alertname"], first.CountsFrom.UTC().Format(toTheMillisecond),
	)}
	if more := len(waiting) - 1; more > 0 {
		n.Text += fmt.Sprintf(", and %d more wait", more)
	}
	return n
}

// foreseen returns the level once the first waiting alert counts, or the first stale alert ends. It is zero if there are none, and if
// the level would be unknown then.
func (c Config) foreseen(counting, waiting []triggers.Alert) scalers.Foreseen {
	var first time.Time
	sooner := func(at time.Time) {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	for i := range waiting {
		sooner(waiting[i].CountsFrom)
	}
	for i := range counting {
		if counting[i].Stale {
			sooner(counting[i].ExpiresAt)
		}
	}
	if first.IsZero() {
		return scalers.Foreseen{}
	}
	var then []triggers.Alert
	for i := range counting {
		if a := &counting[i]; !a.Stale || a.ExpiresAt.After(first) {
			then = append(then, *a)
		}
	}
	for i := range waiting {
		if !waiting[i].CountsFrom.After(first) {
			then = append(then, waiting[i])
		}
	}
	level, _, err := c.Level(then, first)
	if err != nil {
		return scalers.Foreseen{}
	}
	return scalers.Foreseen{At: scalers.InstantOf(first), Value: level}
}

// toTheMillisecond is RFC 3339 with milliseconds, unless they are zero.
const toTheMillisecond = "2006-01-02T15:04:05.999Z07:00"
