package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// reconciled is the credential of alerts that no delivery has brought yet, only a reconcile: no credential has such a name.
// The first delivery of one makes it its own door's.
const reconciled = "~"

// Reconcile is triggers.Reconciler's.
func (s *Store) Reconcile(ctx context.Context, q triggers.AlertQuery, v triggers.AlertView) error {
	if isDirect(&q) {
		return errors.New("reconcile: a direct door has no sender to ask")
	}
	s.mu.Lock()
	if s.loadErr != nil {
		defer s.mu.Unlock()
		return s.loadErr
	}
	s.observe(&q, &v)
	at := micro(v.At).Time
	r := reconciling{store: s, at: at, query: &q, known: map[string][]*fact{}, touched: changes{}}
	s.selectedBy(&q, func(one *fact) { r.known[one.Fingerprint] = append(r.known[one.Fingerprint], one) })
	err := r.begin(v.Firing)
	if v.Complete {
		r.end(v.Firing, v.Suppressed)
		s.heal(selectionName{q.Namespace, q.Text}, at)
	}
	s.trim()
	told, waiting := s.told(), s.await(r.touched)
	s.mu.Unlock()
	s.tell(told)
	return errors.Join(err, waitAll(ctx, waiting))
}

// reconciling is one view on its way into the store, whose mutex is held.
type reconciling struct {
	store   *Store
	at      time.Time
	query   *triggers.AlertQuery
	known   map[string][]*fact
	touched changes
}

// begin lets what fires fire, whatever was thought of it before.
func (r *reconciling) begin(firing []triggers.Alert) error {
	var full error
	for i := range firing {
		a := &firing[i]
		if !r.query.Match(a.Labels) {
			continue
		}
		fp := fingerprint(a.Labels)
		if len(r.known[fp]) > 0 {
			for _, one := range among(r.known[fp]) {
				r.confirm(one, a)
			}
			continue
		}
		k := key{Endpoint{Namespace: r.query.Namespace, Credential: reconciled}.String(), fp}
		delivered := Alert{Labels: a.Labels, Annotations: a.Annotations, Firing: true, StartsAt: a.StartsAt}
		newcomers, err := r.store.admit([]key{k}, []Alert{delivered})
		if err == nil {
			err = r.store.makeRoom(k, newcomers[k], &delivered)
		}
		if err != nil {
			full = fmt.Errorf("reconcile: %w", err)
			r.store.closeAccounts(k.door)
			continue
		}
		r.store.take(k, &delivered, r.at, "")
		r.touched.add(r.store.alerts[k])
	}
	return full
}

// among returns those records of one alert that fire; when none does, the one that was heard of last.
func among(all []*fact) []*fact {
	var fire []*fact
	newest := all[0]
	for _, one := range all {
		if one.Firing {
			fire = append(fire, one)
		}
		if one.heard().After(newest.heard()) {
			newest = one
		}
	}
	if len(fire) == 0 {
		fire = append(fire, newest)
	}
	return fire
}

// confirm lets a known record fire. What was heard since the view was asked for stands.
func (r *reconciling) confirm(one *fact, a *triggers.Alert) {
	if !one.heard().Before(r.at) {
		return
	}
	starts, changed := micro(a.StartsAt), false
	if !one.Firing || starts.After(one.StartsAt.Time) {
		one.begin(starts)
		changed = true
	}
	one.LastSeen = micro(r.at)
	if one.AbsentSince != nil {
		one.AbsentSince, changed = nil, true
	}
	changed = one.say(&Alert{Annotations: a.Annotations}) || changed
	r.store.heard(one, changed, r.at)
	r.touched.add(one)
}

// end ends what is in no part of a complete view.
func (r *reconciling) end(lists ...[]triggers.Alert) {
	live := map[string]bool{}
	for _, list := range lists {
		for i := range list {
			live[fingerprint(list[i].Labels)] = true
		}
	}
	for fp, all := range r.known {
		for _, one := range all {
			if live[fp] || one.class() == isResolved || !one.heard().Before(r.at) {
				continue
			}
			one.end(one.StartsAt.Time, r.at, r.at)
			r.store.heard(one, true, r.at)
			r.touched.add(one)
		}
	}
}

// observe counts a view, and says once that senders do not answer; s.mu is held.
func (s *Store) observe(q *triggers.AlertQuery, v *triggers.AlertView) {
	s.counts.reconciles[v.Complete]++
	name, said := selectionName{q.Namespace, q.Text}, ""
	if v.Err != nil {
		said = v.Err.Error()
	}
	was := s.silent[name]
	switch {
	case said != "" && was == "":
		s.silent[name] = said
		s.log.Warn("not every sender said what fires: alerts begin, but only deliveries end them",
			"namespace", q.Namespace, "matchers", q.Text, "error", v.Err)
	case said == "" && was != "":
		delete(s.silent, name)
		s.log.Info("every sender says again what fires", "namespace", q.Namespace, "matchers", q.Text)
	}
}
