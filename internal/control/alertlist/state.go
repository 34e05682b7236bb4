package alertlist

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// The states of an alert, for a trigger that selects it.
const (
	Firing   = "firing"
	Pushed   = "pushed"   // A level of one trigger.
	Stale    = "stale"    // It counts, but was not repeated within the trigger's ttl.
	Waits    = "waits"    // It fires again after its resolve, without a newer startsAt, and counts once the late window is over.
	Over     = "over"     // It no longer counts, and was not resolved.
	Resolved = "resolved" // Its sender has resolved it.
)

// state is the state of an alert for one trigger.
type state struct {
	name    string
	begins  time.Time
	endedBy string
}

// stateOf returns the state of a recorded alert for a trigger that selects it.
func stateOf(s *v1alpha1.AlertRecord, q *triggers.AlertQuery, now time.Time) state {
	switch o := store.StateOf(s, q, now); {
	case o.Stale:
		return state{name: Stale}
	case o.Counts && q.Object != "":
		return state{name: Pushed}
	case o.Counts:
		return state{name: Firing}
	case !o.CountsFrom.IsZero():
		return state{name: Waits, begins: o.CountsFrom}
	case o.EndedBy != "":
		return state{name: Over, endedBy: o.EndedBy}
	default:
		return state{name: Resolved}
	}
}

// compare orders states from firing to resolved, as the constants are listed.
func (s state) compare(other state) int {
	order := []string{Firing, Pushed, Stale, Waits, Over, Resolved}
	return cmp.Or(
		cmp.Compare(slices.Index(order, s.name), slices.Index(order, other.name)),
		s.begins.Compare(other.begins), cmp.Compare(s.endedBy, other.endedBy),
	)
}

// String returns the state in words.
func (s state) String() string {
	switch s.name {
	case Waits:
		return "waits until " + moment(s.begins)
	case Over:
		return "over (" + s.endedBy + ")"
	default:
		return s.name
	}
}

// setState sets the objects that select the alert, and its states. The state for a shadow policy is used only if the object's own policy
// does not select the alert. An alert that no object selects has the state for a trigger with the default ttl.
func (a *Alert) setState(s *v1alpha1.AlertRecord, all map[string][]selector, now time.Time) {
	endpoint, by := store.ParseEndpoint(s.Endpoint), map[string]state{}
	for i := range all[endpoint.Namespace] {
		one := &all[endpoint.Namespace][i]
		if !one.selects(endpoint, s.Labels) {
			continue
		}
		is := stateOf(s, &one.query, now)
		if other, known := by[one.object]; !known || !one.shadow && is.compare(other) < 0 {
			by[one.object] = is
		}
	}
	most := stateOf(s, &triggers.AlertQuery{Object: endpoint.Object}, now)
	if len(by) > 0 {
		most = slices.MinFunc(slices.Collect(maps.Values(by)), state.compare)
	}
	a.State, a.EndedBy, a.SelectedBy = most.name, most.endedBy, slices.AppendSeq([]string{}, maps.Keys(by))
	slices.Sort(a.SelectedBy)
	if !most.begins.IsZero() {
		a.Begins = &most.begins
	}
	for object, is := range by {
		if is.compare(most) == 0 {
			continue
		}
		if a.Otherwise == nil {
			a.Otherwise = map[string]string{}
		}
		a.Otherwise[object] = is.String()
	}
}

// state returns the state of the alert.
func (a *Alert) state() state {
	s := state{name: a.State, endedBy: a.EndedBy}
	if a.Begins != nil {
		s.begins = *a.Begins
	}
	return s
}
