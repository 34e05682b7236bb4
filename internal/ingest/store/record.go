package store

import (
	"context"
	"errors"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// maxCut bounds the doors of which it is remembered that they are truncated.
const maxCut = 1000

// Endpoint is how a delivery came in: the namespace of its route ("" for the cluster-wide one) and the name of its credential.
// A direct door leads to one trigger of one object, whatever the credential.
type Endpoint struct{ Namespace, Credential, Object, Trigger string }

// String is the door's name in the store: alerts of the cluster-wide door have none before the slash. No part of it holds
// a slash.
func (d Endpoint) String() string {
	if d.Object == "" {
		return d.Namespace + "/" + d.Credential
	}
	return d.Namespace + "//" + d.Object + "/" + d.Trigger
}

// Delivery is what came through one door at once.
type Delivery struct {
	Endpoint Endpoint
	Alerts   []Alert
	// At is when it was received.
	At time.Time
	// Group says which deliveries are states of one and the same group; "" for one that is of none. Nothing is inferred from
	// another group's.
	Group string
	// Truncated is how many alerts of the group the sender left out: then absence means nothing.
	Truncated int
	// Count asks how many objects select the alert of a delivery of one.
	Count bool
	// ID names the message among those of its door; "" when the sender names none. Whoever records may pass over a repeat.
	ID string
}

// Alert is one alert of a delivery; at a trigger endpoint it is a level.
type Alert struct {
	// Level is set at a trigger endpoint, Labels and Annotations elsewhere.
	Level       *v1alpha1.LevelRecord
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
	// Changed alerts fire, or say something else, or have resolved since; Selected were of interest to some object.
	Changed, Selected int
	// Unselected is how many are selected by no object, and Example the alertname of one; 0 while the objects may not have had
	// time to say what they select.
	Unselected int
	Example    string
	// Listening: some object selects alerts of the door's namespace, whichever.
	Listening bool
	// Objects is how many objects select the alert of a delivery that asks; nil when it does not ask, or none does as yet and the
	// objects may not have had time to.
	Objects *int
}

// Record takes a delivery into the set: watchers are told before it returns, and it returns when everything that was taken is
// durable. What is stored already is taken always; an ErrFull says that of what is new nothing was, or nothing that nobody selects.
func (s *Store) Record(ctx context.Context, d Delivery) (Result, error) {
	keys := make([]key, len(d.Alerts))
	door := d.Endpoint.String()
	for i := range d.Alerts {
		keys[i] = key{door, d.Alerts[i].fingerprint()}
	}
	s.mu.Lock()
	newcomers, refused := s.admit(keys, d.Alerts)
	if s.loadErr != nil {
		s.mu.Unlock()
		return Result{}, refused
	}
	taking := taking{store: s, delivery: &d, keys: keys, at: micro(d.At).Time, touched: changes{}}
	// What needs less room goes first: it is not to be dropped for what needs more.
	refused = errors.Join(refused,
		taking.all(newcomers, func(n *newcomer) bool { return n == nil }),
		taking.all(newcomers, func(n *newcomer) bool { return n != nil && n.stored }),
		taking.all(newcomers, func(n *newcomer) bool { return n != nil && !n.stored }))
	s.miss(&d, keys, taking.at)
	s.trim()
	s.closeAccounts(door)
	s.notice(&d)
	s.count(&d, keys, &taking.result)
	told, waiting := s.told(), s.await(taking.touched)
	s.mu.Unlock()
	s.tell(told)
	return taking.result, errors.Join(refused, waitAll(ctx, waiting))
}

// taking is a delivery on its way into the store, whose mutex is held.
type taking struct {
	store    *Store
	delivery *Delivery
	keys     []key
	at       time.Time
	result   Result
	touched  changes
}

// all takes in those alerts that are meant, and returns why one was refused.
func (t *taking) all(newcomers map[key]*newcomer, meant func(*newcomer) bool) error {
	var refused error
	for i, k := range t.keys {
		n, a := newcomers[k], t.delivery.Alerts[i]
		if !meant(n) {
			continue
		}
		if n != nil && i == n.index && !n.refused {
			if err := t.store.makeRoom(k, n, &a); err != nil {
				refused = err
			}
		}
		if n != nil && n.refused {
			old := t.store.alerts[k]
			if !n.stored || old == nil {
				continue
			}
			a.Annotations, a.Level = old.Annotations, old.Level // It is heard of, and what more it says is not kept.
		}
		t.take(k, &a)
	}
	return refused
}

// take takes in one alert.
func (t *taking) take(k key, a *Alert) {
	changed, selected := t.store.take(k, a, t.at, t.delivery.Group)
	if changed {
		t.result.Changed++
	}
	switch {
	case selected:
		t.result.Selected++
	case t.store.joined:
		t.result.Unselected++
		t.result.Example = a.Labels["alertname"]
	}
	t.touched.add(t.store.alerts[k])
}

// take takes in one alert; s.mu is held.
func (s *Store) take(k key, a *Alert, at time.Time, group string) (changed, selected bool) {
	r := s.alerts[k]
	if r == nil {
		r = s.claim(k)
	}
	if r == nil {
		r = first(k, a, at)
		s.put(r, s.place(r))
		changed = true
	} else {
		changed = r.hear(a, at)
	}
	if a.Firing && r.Group != group && !r.direct {
		r.Group = group // Worth no write: an alert may be in several, by turns.
		s.book(r)
	}
	return s.heard(r, changed, at), len(r.watched) > 0
}

// heard tells of a record that something was heard of, and has it written if that is worth it; s.mu is held.
func (s *Store) heard(r *fact, changed bool, at time.Time) bool {
	r.refresh()
	if !changed && r.Firing && !r.direct && r.unsure == 0 && r.AbsentSince == nil {
		if r.LastSeen.Sub(r.writtenSeen) >= r.unwritten {
			s.dirty(r)
		}
		return false
	}
	if changed {
		s.book(r)
	}
	write := changed || len(r.watched) == 0 && everybody.worthWriting(r)
	for w, l := range r.watched {
		s.look(l, at, changed)
		write = write || w.patience.worthWriting(r)
	}
	if r.class() == isResolved || r.direct {
		s.queue.set(&r.forget, r.usefulUntil())
	}
	if write {
		s.dirty(r)
	}
	return changed
}

// claim returns the record that a reconcile made of an alert before any delivery of it, now under the name of the door that
// it came through; nil when there is none. s.mu is held.
func (s *Store) claim(k key) *fact {
	namespace, direct := namespaceOf(k.door)
	was := key{Endpoint{Namespace: namespace, Credential: reconciled}.String(), k.fingerprint}
	r := s.alerts[was]
	if direct || r == nil {
		return nil
	}
	s.dirty(r)
	s.drop(r)
	moved := newFact(r.AlertRecord)
	moved.Endpoint = k.door
	s.put(moved, s.place(moved))
	s.dirty(moved)
	return moved
}

// miss marks what is absent from a whole delivery of its group, for those who asked; s.mu is held. It is worth a write each time,
// and where two senders use the same names for their groups by turns, each would have the other's alerts written: nobody who
// does not ask pays for that.
func (s *Store) miss(d *Delivery, keys []key, at time.Time) {
	if d.Group == "" || d.Truncated > 0 {
		return
	}
	members := s.groups[group{d.Endpoint.String(), d.Group}]
	if len(members) == 0 {
		return
	}
	in := make(map[key]struct{}, len(keys))
	for _, k := range keys {
		in[k] = struct{}{}
	}
	for r := range members {
		if _, ok := in[r.key()]; ok || r.counting == 0 || r.AbsentSince != nil || r.class() == isResolved || r.LastSeen.After(at) {
			continue
		}
		since := micro(at)
		r.AbsentSince = &since
		s.heard(r, false, at)
		s.dirty(r)
	}
}

// notice says once that a door's deliveries are cut, and once that they are whole again; s.mu is held.
func (s *Store) notice(d *Delivery) {
	door := d.Endpoint.String()
	was := s.cut[door]
	switch {
	case d.Truncated > 0:
		s.counts.truncated++
		if !was && len(s.cut) < maxCut {
			s.cut[door] = true
			s.log.Warn("deliveries are truncated: alerts that fire may be missing, and resolves never come; set max_alerts: 0",
				"door", door, "missing", d.Truncated)
		}
	case was:
		delete(s.cut, door)
		s.log.Info("deliveries are whole again", "door", door)
	}
}
