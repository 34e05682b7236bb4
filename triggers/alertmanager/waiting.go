package alertmanager

import (
	"fmt"
	"slices"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// split separates the alerts that count from those that wait for the end of their stale window.
func split(alerts []triggers.Alert) (counting, waiting []triggers.Alert) {
	for i := range alerts {
		if alerts[i].Begins.IsZero() {
			counting = append(counting, alerts[i])
		} else {
			waiting = append(waiting, alerts[i])
		}
	}
	return counting, waiting
}

// foreseen returns the level that comes when the first of the waiting alerts counts, and the notice that it waits. A level that
// would be unknown then is not foreseen.
func (c Config) foreseen(counting, waiting []triggers.Alert) (scalers.Notice, scalers.Foreseen) {
	if len(waiting) == 0 {
		return scalers.Notice{}, scalers.Foreseen{}
	}
	first := slices.MinFunc(waiting, func(a, b triggers.Alert) int { return a.Begins.Compare(b.Begins) })
	then := slices.Clone(counting)
	for i := range waiting {
		if !waiting[i].Begins.After(first.Begins) {
			then = append(then, waiting[i])
		}
	}
	n := scalers.Notice{Reason: "AlertWaits", Text: fmt.Sprintf(
		"alert %s fires again after its resolve: it counts from %s on unless it resolves once more (staleWindow)",
		first.Labels["alertname"], first.Begins.UTC().Format(toTheMillisecond),
	)}
	if more := len(waiting) - 1; more > 0 {
		n.Text += fmt.Sprintf(", and %d more wait", more)
	}
	level, _, err := c.Level(then, first.Begins)
	if err != nil {
		return n, scalers.Foreseen{}
	}
	return n, scalers.Foreseen{At: scalers.InstantOf(first.Begins), Value: level}
}

// toTheMillisecond is RFC 3339 with the milliseconds, where there are some.
const toTheMillisecond = "2006-01-02T15:04:05.999Z07:00"
