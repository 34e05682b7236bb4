package store

import (
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// State is whether a stored record counts for a query, and why not.
type State struct {
	// Counts reports whether the record counts; Stale, that it counts although it was not repeated within the query's ttl.
	Counts, Stale bool
	// CountsFrom is when a record that waits for the end of its late window begins to count; zero for any other.
	CountsFrom time.Time
	// EndedBy is what ended a record that was not resolved: EndedByTTL or EndedByAbsence; "" for any other.
	EndedBy string
}

// The reasons for which a record ends without a resolve.
const (
	EndedByTTL     = "ttl"
	EndedByAbsence = "absence"
)

// StateOf returns the state of a stored record for a query. The process that records may know of more: repeats that are not written
// yet, and alerts that count for one more ttl because nothing could be delivered for a while.
func StateOf(a *v1alpha1.AlertRecord, q *triggers.AlertQuery, now time.Time) State {
	r, p := recordOf(completed(*a)), policyOf(q)
	s := p.state(&r, now)
	out := State{Counts: s.counts, Stale: s.stale, CountsFrom: s.countsFrom()}
	switch {
	case s.visible() || r.class() == isResolved:
	case !p.pushed && p.onAbsence && r.AbsentSince != nil:
		out.EndedBy = EndedByAbsence
	default:
		out.EndedBy = EndedByTTL
	}
	return out
}
