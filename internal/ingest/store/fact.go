package store

import (
	"maps"
	"time"

	"github.com/prometheus/common/model"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// fact is what is known of one alert or pushed level. It belongs to the store and its mutex.
type fact struct {
	v1alpha1.AlertRecord

	// namespace is that of the door; direct: it came through a direct one.
	namespace string
	direct    bool
	// shard is where it is written, as long as it is kept.
	shard *shard
	// writtenSeen and writtenUntil are LastSeen and Until as of the last write.
	writtenSeen, writtenUntil time.Time
	// changed is how many changes of its shard are durable once the last of this record is.
	changed int
	// gapFrom and gapTo are when it was written last and when it was loaded again: nobody could deliver in between.
	gapFrom, gapTo time.Time
	// idle is since when nobody selects it, if anybody has or may have; it is of no use later than some time after.
	idle time.Time
	// watched are those who select it, whatever its state.
	watched map[*watcher]*selection
	// unsure counts those of them for whom it does not plainly count; unwritten is how much later than written it may have been
	// seen. Both spare a repeat the look at each watcher.
	unsure    int
	unwritten time.Duration
	// counting is how many of them ask whether it is absent.
	counting int
	// forget is when the record is of no more use.
	forget entry
	booked booking
}

// class is what a record counts as in the bounds.
type class uint8

const (
	uncounted class = iota
	isFiring
	isPushed
	isResolved
)

func (r *fact) class() class {
	switch {
	case !r.Firing && r.StaleFiring == nil:
		return isResolved
	case r.direct:
		return isPushed
	default:
		return isFiring
	}
}

// newFact wraps a stored alert.
func newFact(a v1alpha1.AlertRecord) *fact {
	r := &fact{AlertRecord: a, watched: map[*watcher]*selection{}, unwritten: everybody.unwritten()}
	r.namespace, r.direct = namespaceOf(a.Endpoint)
	r.forget.fact = r
	return r
}

func (r *fact) key() key { return key{r.Endpoint, r.Fingerprint} }

// until is when a pushed level is over if it is not repeated.
func (r *fact) until() time.Time {
	if r.Until == nil {
		return forever
	}
	return r.Until.Time
}

// missed reports whether a life that ends at over, of what was seen at a time, would have ended, or run out, during an
// absence of ours.
func (r *fact) missed(over, seen time.Time) bool {
	return !r.gapTo.IsZero() && seen.Before(r.gapTo) && over.After(r.gapFrom) && over.Before(forever)
}

// heard is when something was last delivered of it.
func (r *fact) heard() time.Time {
	if r.ResolvedAt != nil {
		return later(r.LastSeen.Time, r.ResolvedAt.Time)
	}
	return r.LastSeen.Time
}

// newer reports whether it says more than another record of the same alert: a later activation, or what was heard later of the
// same one. What was heard is by the clocks of whoever recorded it, which may differ.
func (r *fact) newer(than *fact) bool {
	if !r.StartsAt.Time.Equal(than.StartsAt.Time) {
		return r.StartsAt.After(than.StartsAt.Time)
	}
	return r.heard().After(than.heard())
}

// hear takes in what was delivered. It reports whether that changed more than when it was seen.
func (r *fact) hear(a *Alert, at time.Time) bool {
	switch {
	case r.direct:
		return r.pushed(a, at)
	case a.Firing:
		return r.fires(a, at)
	default:
		return r.ends(a, at)
	}
}

// fires takes in a firing. Over a resolve, a newer activation fires at once, and any other is in doubt: it may be late, or
// have begun again with its old start, or be the same seen by another Prometheus.
func (r *fact) fires(a *Alert, at time.Time) bool {
	starts, changed := micro(a.StartsAt), false
	switch {
	case starts.After(r.StartsAt.Time):
		r.begin(starts)
		changed = true
	case !r.Firing && r.StaleFiring == nil:
		doubt := micro(at)
		r.StaleFiring, changed = &doubt, true
	}
	r.LastSeen = micro(later(r.LastSeen.Time, at))
	if r.AbsentSince != nil {
		r.AbsentSince, changed = nil, true
	}
	return r.say(a) || changed
}

func (r *fact) begin(starts metav1.MicroTime) {
	r.Firing, r.StartsAt = true, starts
	r.EndsAt, r.ResolvedAt, r.StaleFiring = nil, nil, nil
}

// ends takes in a resolve, unless it is that of an earlier activation, or older than the one that is known.
func (r *fact) ends(a *Alert, at time.Time) bool {
	starts, ends := micro(a.StartsAt), micro(a.EndsAt)
	switch {
	case a.EndsAt.IsZero() && starts.Before(&r.StartsAt), !a.EndsAt.IsZero() && ends.Before(&r.StartsAt):
		return false
	case r.StaleFiring != nil && !a.EndsAt.IsZero() && ends.Before(r.EndsAt):
		return false
	case r.Firing, r.StaleFiring != nil, starts.After(r.StartsAt.Time):
		r.end(later(starts.Time, r.StartsAt.Time), a.EndsAt, at)
		return true
	default:
		resolved := micro(later(r.ResolvedAt.Time, at))
		r.ResolvedAt = &resolved
		return false
	}
}

// end resolves it. What it said is of no use any longer.
func (r *fact) end(starts, ends, at time.Time) {
	if ends.IsZero() {
		ends = at
	}
	ended, resolved := micro(ends), micro(at)
	r.Firing, r.StartsAt, r.EndsAt, r.ResolvedAt = false, micro(starts), &ended, &resolved
	r.StaleFiring, r.AbsentSince, r.Annotations, r.Until = nil, nil, nil, nil
	if r.Level != nil {
		r.Level = &v1alpha1.LevelRecord{Key: r.Level.Key}
	}
}

// pushed takes in a level of a direct door: the newest by the sender's clock, and of two that are as new the one that came
// last.
func (r *fact) pushed(a *Alert, at time.Time) bool {
	starts := micro(a.StartsAt)
	if starts.Before(&r.StartsAt) {
		return false
	}
	if !a.Firing {
		was := r.Firing || starts.After(r.StartsAt.Time)
		r.end(starts.Time, a.EndsAt, at)
		return was
	}
	changed := !r.Firing || starts.After(r.StartsAt.Time) || (r.Until == nil) != a.Until.IsZero()
	r.begin(starts)
	r.LastSeen, r.Until = micro(later(r.LastSeen.Time, at)), nil
	if !a.Until.IsZero() {
		until := micro(a.Until)
		r.Until = &until
		changed = changed || until.Time.Before(r.writtenUntil)
	}
	return r.say(a) || changed
}

// says reports whether the record has the annotations or the level of a delivery.
func (r *fact) says(a *Alert) bool {
	return maps.Equal(r.Annotations, a.Annotations) && equalLevels(r.Level, a.Level)
}

// say stores the annotations or the level of a delivery, and reports whether they differ from what was stored.
func (r *fact) say(a *Alert) bool {
	if r.says(a) {
		return false
	}
	r.Annotations, r.Level = a.Annotations, a.Level
	return true
}

// first makes the record of what was never heard of.
func first(k key, a *Alert, at time.Time) *fact {
	seen := micro(at)
	r := newFact(v1alpha1.AlertRecord{
		Endpoint: k.door, Fingerprint: k.fingerprint, Level: a.Level, Labels: a.Labels, Annotations: a.Annotations, Firing: a.Firing,
		StartsAt: micro(a.StartsAt), LastSeen: seen,
	})
	if !a.Firing {
		r.end(a.StartsAt, a.EndsAt, at)
	} else if !a.Until.IsZero() {
		until := micro(a.Until)
		r.Until = &until
	}
	return r
}

// micro is a time as it will be after a restart: whole microseconds.
func micro(t time.Time) metav1.MicroTime {
	return metav1.NewMicroTime(t.UTC().Truncate(time.Microsecond))
}

// fingerprint is that of a level's key, or of an alert's labels.
func (a *Alert) fingerprint() string {
	if a.Level != nil {
		return fingerprint(map[string]string{"key": a.Level.Key})
	}
	return fingerprint(a.Labels)
}

// fingerprint is Alertmanager's own, of the labels: what a sender says of it is not believed.
func fingerprint(labels map[string]string) string {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}
