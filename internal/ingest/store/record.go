package store

import (
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/triggers"
)

// record is the state machine of one alert or level: what is known of it, and what it becomes when a delivery arrives. It has no
// clock, does no I/O and does not use the rest of the store.
//
//	             resolve                 a firing of the same activation
//	firing ─────────────────▶ resolved ─────────────────────────────────▶ late firing
//	   ▲ ▲                     │    ▲                                     │    │
//	   │ └─────────────────────┘    └─────────────────────────────────────┘    │
//	   │  newer activation                         resolve                     │
//	   └───────────────────────────────────────────────────────────────────────┘
//	                                newer activation
//
// An activation is a period in which the alert fires. A firing with a later startsAt begins a newer activation.
//
// Invariants:
//   - StartsAt and LastSeen never decrease: a delivery of an earlier activation does not change the current one.
//   - A firing record has no EndsAt, ResolvedAt or LateFiring; any other has EndsAt and ResolvedAt.
//   - A level is firing or resolved, never a late firing.
//   - A delivery that is applied again at the same time changes nothing.
type record struct {
	v1alpha1.AlertRecord

	// namespace is the endpoint's; pushed: it is a trigger endpoint, and the record a level.
	namespace string
	pushed    bool
	// writtenSeen and writtenUntil are LastSeen and Until as of the last write.
	writtenSeen, writtenUntil time.Time
	// downFrom and downTo are when the record was last written by an earlier process, and when it was loaded: in between nothing could be
	// delivered.
	downFrom, downTo time.Time
}

// class is the class of a record, for the limits.
type class uint8

const (
	uncounted class = iota
	isFiring
	isPushed
	isResolved
)

func (r *record) class() class {
	switch {
	case !r.Firing && r.LateFiring == nil:
		return isResolved
	case r.pushed:
		return isPushed
	default:
		return isFiring
	}
}

func recordOf(a v1alpha1.AlertRecord) record {
	r := record{AlertRecord: a}
	r.namespace, r.pushed = namespaceOf(a.Endpoint)
	return r
}

// firstRecord returns the record of an alert that was not known.
func firstRecord(k key, a *Alert, at time.Time) record {
	r := recordOf(v1alpha1.AlertRecord{
		Endpoint: k.endpoint, Fingerprint: k.fingerprint, Level: a.Level, Labels: a.Labels, Annotations: a.Annotations, Firing: a.Firing,
		StartsAt: micro(a.StartsAt), LastSeen: micro(at),
	})
	if !a.Firing {
		r.end(a.StartsAt, a.EndsAt, at)
	} else if !a.Until.IsZero() {
		until := micro(a.Until)
		r.Until = &until
	}
	return r
}

func (r *record) key() key { return key{r.Endpoint, r.Fingerprint} }

func (r *record) size() int { return sizeOf(r.Endpoint, r.Level, r.Labels, r.Annotations) }

// until is when a level is over if it is not repeated.
func (r *record) until() time.Time {
	if r.Until == nil {
		return forever
	}
	return r.Until.Time
}

// missed reports whether a lifetime that ends at a time, of a record that was seen at another, ended or expired while the process was
// down, so that a repeat may have been missed.
func (r *record) missed(end, seen time.Time) bool {
	return !r.downTo.IsZero() && seen.Before(r.downTo) && end.After(r.downFrom) && end.Before(forever)
}

// lastDelivered is when the last firing or resolve was received.
func (r *record) lastDelivered() time.Time {
	if r.ResolvedAt != nil {
		return later(r.LastSeen.Time, r.ResolvedAt.Time)
	}
	return r.LastSeen.Time
}

// newerThan reports whether the record supersedes another one of the same alert: it has a later activation, or the same one with a
// later delivery. The times of delivery may be those of two processes, whose clocks may differ.
func (r *record) newerThan(other *record) bool {
	if !r.StartsAt.Time.Equal(other.StartsAt.Time) {
		return r.StartsAt.After(other.StartsAt.Time)
	}
	return r.lastDelivered().After(other.lastDelivered())
}

// apply applies a delivery. It reports whether more than LastSeen or ResolvedAt has changed.
func (r *record) apply(a *Alert, at time.Time) bool {
	switch {
	case r.pushed:
		return r.applyLevel(a, at)
	case a.Firing:
		return r.applyFiring(a, at)
	default:
		return r.applyResolve(a, at)
	}
}

// applyFiring applies a firing. After a resolve, a newer activation fires at once; any other firing is a late firing: it may be a
// late delivery, the same alert from another Prometheus, or a new activation with the old start.
func (r *record) applyFiring(a *Alert, at time.Time) bool {
	starts, changed := micro(a.StartsAt), false
	switch {
	case starts.After(r.StartsAt.Time):
		r.begin(starts)
		changed = true
	case !r.Firing && r.LateFiring == nil:
		received := micro(at)
		r.LateFiring, changed = &received, true
	}
	r.LastSeen = micro(later(r.LastSeen.Time, at))
	if r.AbsentSince != nil {
		r.AbsentSince, changed = nil, true
	}
	return r.setContent(a) || changed
}

func (r *record) begin(starts metav1.MicroTime) {
	r.Firing, r.StartsAt = true, starts
	r.EndsAt, r.ResolvedAt, r.LateFiring = nil, nil, nil
}

// confirm applies an alert that its sender has just listed as firing: it fires, whatever is known of it. It reports the same as apply.
func (r *record) confirm(a *triggers.Alert, at time.Time) bool {
	starts, changed := micro(a.StartsAt), false
	if !r.Firing || starts.After(r.StartsAt.Time) {
		r.begin(starts)
		changed = true
	}
	r.LastSeen = micro(at)
	if r.AbsentSince != nil {
		r.AbsentSince, changed = nil, true
	}
	return r.setContent(&Alert{Annotations: a.Annotations}) || changed
}

// applyResolve applies a resolve, unless it is of an earlier activation, or older than the known one.
func (r *record) applyResolve(a *Alert, at time.Time) bool {
	starts, ends := micro(a.StartsAt), micro(a.EndsAt)
	switch {
	case a.EndsAt.IsZero() && starts.Before(&r.StartsAt), !a.EndsAt.IsZero() && ends.Before(&r.StartsAt):
		return false
	case r.LateFiring != nil && !a.EndsAt.IsZero() && ends.Before(r.EndsAt):
		return false
	case r.Firing, r.LateFiring != nil, starts.After(r.StartsAt.Time):
		r.end(later(starts.Time, r.StartsAt.Time), a.EndsAt, at)
		return true
	default:
		resolved := micro(later(r.ResolvedAt.Time, at))
		r.ResolvedAt = &resolved
		return false
	}
}

// end resolves the record. Its annotations and the value of its level are not needed any longer.
func (r *record) end(starts, ends, at time.Time) {
	if ends.IsZero() {
		ends = at
	}
	ended, resolved := micro(ends), micro(at)
	r.Firing, r.StartsAt, r.EndsAt, r.ResolvedAt = false, micro(starts), &ended, &resolved
	r.LateFiring, r.AbsentSince, r.Annotations, r.Until = nil, nil, nil, nil
	if r.Level != nil {
		r.Level = &v1alpha1.LevelRecord{Key: r.Level.Key}
	}
}

// applyLevel applies a level: the newest by the sender's clock counts, and of two with the same time the one received last.
func (r *record) applyLevel(a *Alert, at time.Time) bool {
	starts := micro(a.StartsAt)
	if starts.Before(&r.StartsAt) {
		return false
	}
	if !a.Firing {
		changed := r.Firing || starts.After(r.StartsAt.Time)
		r.end(starts.Time, a.EndsAt, at)
		return changed
	}
	changed := !r.Firing || starts.After(r.StartsAt.Time) || (r.Until == nil) != a.Until.IsZero()
	r.begin(starts)
	r.LastSeen, r.Until = micro(later(r.LastSeen.Time, at)), nil
	if !a.Until.IsZero() {
		until := micro(a.Until)
		r.Until = &until
		changed = changed || until.Time.Before(r.writtenUntil)
	}
	return r.setContent(a) || changed
}

// hasContent reports whether the record has the annotations and the level of a delivery.
func (r *record) hasContent(a *Alert) bool {
	return maps.Equal(r.Annotations, a.Annotations) && equalLevels(r.Level, a.Level)
}

// setContent stores the annotations or the level of a delivery, and reports whether they differ from the stored ones.
func (r *record) setContent(a *Alert) bool {
	if r.hasContent(a) {
		return false
	}
	r.Annotations, r.Level = a.Annotations, a.Level
	return true
}

// markWritten notes that the record is being written as it is.
func (r *record) markWritten() { r.writtenSeen, r.writtenUntil = r.LastSeen.Time, r.until() }

// micro rounds a time down to whole microseconds, as it will be after a restart.
func micro(t time.Time) metav1.MicroTime {
	return metav1.NewMicroTime(t.UTC().Truncate(time.Microsecond))
}
