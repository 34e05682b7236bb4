package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

// reconciled is the credential of alerts that a reconcile has reported before any delivery. No real credential has this name. The first
// delivery of such an alert moves it to its endpoint.
const reconciled = "~"

// Reconcile is triggers.Reconciler's.
func (s *Store) Reconcile(ctx context.Context, q triggers.AlertQuery, v triggers.AlertView) error {
	if isTriggerQuery(&q) {
		return errors.New("reconcile: a trigger endpoint has no sender to query")
	}
	s.mu.Lock()
	if s.loadErr != nil {
		defer s.mu.Unlock()
		return s.loadErr
	}
	s.countReconcile(&q, &v)
	s.writer.beginDelivery()
	at := micro(v.At).Time
	r := reconciliation{store: s, at: at, query: &q, known: map[string][]*entry{}, changes: changeSet{}}
	s.index.visit(&q, func(e *entry) { r.known[e.Fingerprint] = append(r.known[e.Fingerprint], e) })
	err := r.begin(v.Firing)
	if v.Complete {
		r.end(v.Firing, v.Suppressed)
		s.recover(selectionName{q.Namespace, q.Text}, at)
	}
	s.evictResolved()
	pending, waiting := s.drain(), s.writer.waitFor(r.changes)
	s.mu.Unlock()
	s.notify(pending)
	return errors.Join(err, waitAll(ctx, waiting))
}

// reconciliation is a view that is being applied. The store's mutex is held.
type reconciliation struct {
	store   *Store
	at      time.Time
	query   *triggers.AlertQuery
	known   map[string][]*entry
	changes changeSet
}

// begin makes the alerts fire that fire in the view.
func (r *reconciliation) begin(firing []triggers.Alert) error {
	var full error
	for i := range firing {
		a := &firing[i]
		if !r.query.Match(a.Labels) {
			continue
		}
		fp := fingerprint(a.Labels)
		if len(r.known[fp]) > 0 {
			for _, e := range firingOrNewest(r.known[fp]) {
				r.confirm(e, a)
			}
			continue
		}
		k := key{Endpoint{Namespace: r.query.Namespace, Credential: reconciled}.String(), fp}
		delivered := Alert{Labels: a.Labels, Annotations: a.Annotations, Firing: true, StartsAt: a.StartsAt}
		additions, err := r.store.checkCapacity([]key{k}, []Alert{delivered})
		if err == nil {
			err = r.store.makeSpace(k, additions[k], &delivered)
		}
		if err != nil {
			full = fmt.Errorf("reconcile: %w", err)
			r.store.accounts.forget(k.endpoint)
			continue
		}
		r.store.apply(k, &delivered, r.at, "")
		r.changes.add(r.store.index.records[k])
	}
	return full
}

// firingOrNewest returns those records of one alert that fire; if none does, the one that was delivered last.
func firingOrNewest(all []*entry) []*entry {
	var firing []*entry
	newest := all[0]
	for _, e := range all {
		if e.Firing {
			firing = append(firing, e)
		}
		if e.lastDelivered().After(newest.lastDelivered()) {
			newest = e
		}
	}
	if len(firing) == 0 {
		firing = append(firing, newest)
	}
	return firing
}

// confirm makes a known record fire. A delivery since the view was requested takes precedence.
func (r *reconciliation) confirm(e *entry, a *triggers.Alert) {
	if !e.lastDelivered().Before(r.at) {
		return
	}
	changed := e.confirm(a, r.at)
	r.store.onApplied(e, changed, r.at)
	r.changes.add(e)
}

// end ends the known alerts that are in none of the lists of a complete view.
func (r *reconciliation) end(lists ...[]triggers.Alert) {
	live := map[string]bool{}
	for _, list := range lists {
		for i := range list {
			live[fingerprint(list[i].Labels)] = true
		}
	}
	for fp, all := range r.known {
		for _, e := range all {
			if live[fp] || e.class() == isResolved || !e.lastDelivered().Before(r.at) {
				continue
			}
			e.end(e.StartsAt.Time, r.at, r.at)
			r.store.onApplied(e, true, r.at)
			r.changes.add(e)
		}
	}
}

// countReconcile counts a view, and logs when senders stop to answer, and when all answer again. The mutex is held.
func (s *Store) countReconcile(q *triggers.AlertQuery, v *triggers.AlertView) {
	s.counts.reconciles[v.Complete]++
	name, text := selectionName{q.Namespace, q.Text}, ""
	if v.Err != nil {
		text = v.Err.Error()
	}
	was := s.silent[name]
	switch {
	case text != "" && was == "":
		s.silent[name] = text
		s.log.Warn("not every sender has answered which alerts fire: firing alerts are recorded, but only deliveries end alerts",
			"namespace", q.Namespace, "matchers", q.Text, "error", v.Err)
	case text == "" && was != "":
		delete(s.silent, name)
		s.log.Info("every sender answers again which alerts fire", "namespace", q.Namespace, "matchers", q.Text)
	}
}
