package alerts

import (
	"context"
	"time"

	"github.com/prometheus/common/model"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Door is how a delivery came in: the namespace of its route ("" for the cluster-wide one) and the name of its credential.
// A direct door leads to one trigger of one object, whatever the credential.
type Door struct{ Namespace, Credential, Object, Trigger string }

// String is the door's name in the store: alerts of the cluster-wide door have none before the slash. No part of it holds
// a slash.
func (d Door) String() string {
	if d.Object == "" {
		return d.Namespace + "/" + d.Credential
	}
	return d.Namespace + "//" + d.Object + "/" + d.Trigger
}

// Delivery is what came through one door at once.
type Delivery struct {
	Door   Door
	Alerts []Alert
	// At is when it was received.
	At time.Time
	// Group says which deliveries are states of one and the same group; "" for one that is of none. Nothing is inferred from
	// another group's.
	Group string
	// Truncated is how many alerts of the group the sender left out: then absence means nothing.
	Truncated int
	// ID names the message among those of its door; "" when the sender names none. Whoever records may pass over a repeat.
	ID string
}

// Alert is one alert of a delivery.
type Alert struct {
	Labels      map[string]string
	Annotations map[string]string
	Firing      bool
	StartsAt    time.Time
	EndsAt      time.Time
	// Until is when it is over unless it is delivered again: the TTL of a level that was pushed. Zero: no such time.
	Until time.Time
}

// Result is what came of a delivery.
type Result struct {
	// Changed alerts fire or have resolved since; Selected were of interest to some object.
	Changed, Selected int
}

// Record takes a delivery into the set: watchers are told before it returns, and it returns when everything it holds is
// durable.
func (s *Store) Record(ctx context.Context, d Delivery) (Result, error) {
	door, delivered, at := d.Door, d.Alerts, d.At
	var (
		result  Result
		waiting []wait
		told    []*watcher
	)
	s.mu.Lock()
	if s.loadErr != nil {
		defer s.mu.Unlock()
		return result, s.loadErr
	}
	if s.firing+len(delivered) > MaxFiring && s.firing+newFiring(s, door, delivered) > MaxFiring {
		defer s.mu.Unlock()
		return result, ErrFull
	}
	touched := [Shards]bool{}
	for i := range delivered {
		k := key{door.String(), fingerprint(delivered[i].Labels)}
		changed, dirty := s.merge(k, &delivered[i], at)
		shard := shardOf(k)
		touched[shard] = true
		if dirty {
			s.shards[shard].dirty++
		}
		interested := s.watchers.change(door.Namespace, k, s.alerts[k], at, changed)
		if interested.any {
			result.Selected++
		}
		if changed {
			result.Changed++
		}
		told = append(told, interested.told...)
	}
	for i := range touched {
		if touched[i] {
			waiting = s.shards[i].await(waiting)
		}
	}
	s.mu.Unlock()
	tell(told)
	return result, waitAll(ctx, waiting)
}

// newFiring counts the alerts of a delivery that would be added to the firing ones; s.mu is held.
func newFiring(s *Store, door Door, delivered []Alert) int {
	n := 0
	for i := range delivered {
		if old := s.alerts[key{door.String(), fingerprint(delivered[i].Labels)}]; delivered[i].Firing && (old == nil || !old.Firing) {
			n++
		}
	}
	return n
}

// merge takes one alert into the set by its order. changed: whether it fires, or what it says, is another thing than
// before. dirty: it must be written.
func (s *Store) merge(k key, a *Alert, at time.Time) (changed, dirty bool) {
	old := s.alerts[k]
	next := stored(k, a, at)
	switch {
	case old == nil:
	case a.Firing && old.Firing:
		if !a.StartsAt.After(old.StartsAt.Time) {
			next.StartsAt = old.StartsAt
		}
		if sameText(old.Annotations, a.Annotations) && next.StartsAt.Equal(&old.StartsAt) {
			old.LastSeen, dirty = refreshed(old.LastSeen, at)
			return false, dirty
		}
	case a.Firing && !firesAgain(old, a, at):
		return false, s.doubt(old, a)
	case !a.Firing && old.Firing && !a.EndsAt.IsZero() && a.EndsAt.Before(old.StartsAt.Time):
		return false, false // The end of an earlier activation.
	case !a.Firing && !old.Firing:
		if !a.StartsAt.After(old.StartsAt.Time) && old.DoubtfulUntil == nil {
			return false, false
		}
	default:
	}
	if old == nil && !a.Firing && s.resolved >= MaxResolved {
		return false, false
	}
	s.put(next)
	s.rouseSweep()
	return a.Firing || old != nil && old.Firing, true
}

// firesAgain reports whether a firing alert is newer than the resolved one that is remembered.
func firesAgain(old *v1alpha1.StoredAlert, a *Alert, at time.Time) bool {
	if a.StartsAt.After(old.StartsAt.Time) {
		return true
	}
	return a.StartsAt.Equal(old.StartsAt.Time) && at.Sub(old.LastSeen.Time) >= staleWindow
}

// doubt keeps a firing that came shortly after the resolve of the same activation: it counts when the stale window has
// passed and nothing newer has come. An older activation is over.
func (s *Store) doubt(old *v1alpha1.StoredAlert, a *Alert) bool {
	if old.DoubtfulUntil != nil || !a.StartsAt.Equal(old.StartsAt.Time) {
		return false
	}
	until := metav1.NewMicroTime(old.LastSeen.Add(staleWindow))
	old.DoubtfulUntil = &until
	s.rouseSweep()
	return true
}

// refreshed returns the time an alert was last seen; it is worth a write only now and then.
func refreshed(old metav1.MicroTime, at time.Time) (metav1.MicroTime, bool) {
	if at.Sub(old.Time) < Lease/4 {
		return old, false
	}
	return metav1.NewMicroTime(at), true
}

// stored is a delivered alert in its stored form. Times are whole microseconds, as they will be after a restart.
func stored(k key, a *Alert, at time.Time) *v1alpha1.StoredAlert {
	out := &v1alpha1.StoredAlert{
		Door: k.door, Fingerprint: k.fingerprint, Labels: a.Labels, Annotations: a.Annotations, Firing: a.Firing,
		StartsAt: micro(a.StartsAt), LastSeen: micro(at),
	}
	if !a.Firing {
		ends := micro(a.EndsAt)
		out.EndsAt = &ends
	}
	return out
}

func micro(t time.Time) metav1.MicroTime {
	return metav1.NewMicroTime(t.UTC().Truncate(time.Microsecond))
}

// fingerprint is Alertmanager's own, of the labels: what a sender says of it is not believed.
func fingerprint(labels map[string]string) string {
	set := make(model.LabelSet, len(labels))
	for name, value := range labels {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set.Fingerprint().String()
}

func sameText(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}
