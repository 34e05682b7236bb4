package store

import (
	"context"
	"errors"
	"time"
)

// maxTruncated bounds the endpoints that are remembered as truncated.
const maxTruncated = 1000

// Record records a delivery: it notifies the watchers before it returns, and returns when everything that was accepted is durable.
// Repeats and resolves of stored alerts are accepted, unless the store could not be loaded. ErrFull means that new alerts were refused:
// all, or those that no object selects. Every error is worth a retry.
func (s *Store) Record(ctx context.Context, d Delivery) (Result, error) {
	keys := make([]key, len(d.Alerts))
	endpoint := d.Endpoint.String()
	for i := range d.Alerts {
		keys[i] = key{endpoint, d.Alerts[i].fingerprint()}
	}
	s.mu.Lock()
	additions, refused := s.checkCapacity(keys, d.Alerts)
	if s.loadErr != nil {
		s.mu.Unlock()
		return Result{}, refused
	}
	s.pending.trace = d.Trace
	s.writer.beginDelivery()
	r := recording{store: s, delivery: &d, keys: keys, at: micro(d.At).Time, changes: changeSet{}}
	// Alerts that need less space go first, so that they are not evicted for others of the same delivery.
	refused = errors.Join(refused,
		r.apply(additions, func(n *addition) bool { return n == nil }),
		r.apply(additions, func(n *addition) bool { return n != nil && n.stored }),
		r.apply(additions, func(n *addition) bool { return n != nil && !n.stored }))
	s.markAbsent(&d, keys, r.at)
	s.evictResolved()
	s.accounts.forget(endpoint)
	s.logTruncated(&d)
	s.countSelectors(&d, keys, &r.result)
	pending, waiting := s.drain(), s.writer.waitFor(r.changes)
	s.mu.Unlock()
	s.notify(pending)
	return r.result, errors.Join(refused, waitAll(ctx, waiting))
}

// recording is a delivery that is being recorded. The store's mutex is held.
type recording struct {
	store    *Store
	delivery *Delivery
	keys     []key
	at       time.Time
	result   Result
	changes  changeSet
}

// apply applies the alerts whose addition (nil for none) passes a filter, and returns why one was refused.
func (r *recording) apply(additions map[key]*addition, filter func(*addition) bool) error {
	var refused error
	for i, k := range r.keys {
		n, a := additions[k], r.delivery.Alerts[i]
		if !filter(n) {
			continue
		}
		if n != nil && i == n.index && !n.refused {
			if err := r.store.makeSpace(k, n, &a); err != nil {
				refused = err
			}
		}
		if n != nil && n.refused {
			old := r.store.index.records[k]
			if !n.stored || old == nil {
				continue
			}
			a.Annotations, a.Level = old.Annotations, old.Level // The repeat is recorded, without its larger content.
		}
		r.applyOne(k, &a)
	}
	return refused
}

func (r *recording) applyOne(k key, a *Alert) {
	changed, selected := r.store.apply(k, a, r.at, r.delivery.Group)
	if changed {
		r.result.Changed++
	}
	switch {
	case selected:
		r.result.Selected++
	case r.store.selectorsKnown:
		r.result.Unselected++
		r.result.Example = a.Labels["alertname"]
	}
	r.changes.add(r.store.index.records[k])
}

// apply applies one alert to its record. The mutex is held.
func (s *Store) apply(k key, a *Alert, at time.Time, group string) (changed, selected bool) {
	e := s.index.records[k]
	if e == nil {
		e = s.takeOverReconciled(k)
	}
	if e == nil {
		e = entryOf(firstRecord(k, a, at))
		s.add(e, s.writer.shardFor(e.namespace, e.size()))
		changed = true
	} else {
		changed = e.apply(a, at)
	}
	if a.Firing && e.Group != group && !e.pushed {
		e.Group = group // It is not worth a write: an alert may be in several groups alternately.
		s.index.regroup(e)
	}
	return s.onApplied(e, changed, at), len(e.selections) > 0
}

// onApplied brings the parts of the store up to date after a delivery was applied to a record, and has the record written if that is
// worth a write. The mutex is held.
func (s *Store) onApplied(e *entry, changed bool, at time.Time) bool {
	e.charge.refresh()
	if !changed && e.Firing && !e.pushed && e.notFresh == 0 && e.AbsentSince == nil {
		if e.LastSeen.Sub(e.writtenSeen) >= e.unwritten {
			s.writer.changed(e)
		}
		return false
	}
	if changed {
		s.account(e)
	}
	write := changed || len(e.selections) == 0 && defaultPolicy.worthWriting(&e.record)
	for w, l := range e.selections {
		s.evaluate(l, at, changed)
		write = write || w.policy.worthWriting(&e.record)
	}
	if e.class() == isResolved || e.pushed {
		s.expiry.schedule(&e.removal, e.usefulUntil())
	}
	if write {
		s.writer.changed(e)
	}
	return changed
}

// takeOverReconciled returns the record that a reconcile made of an alert before its first delivery, now of the endpoint that received the
// alert; nil if there is none. It stays in its shard: one write ends the old record and stores the new one. The mutex is held.
func (s *Store) takeOverReconciled(k key) *entry {
	namespace, isTrigger := namespaceOf(k.endpoint)
	old := s.index.records[key{Endpoint{Namespace: namespace, Credential: reconciled}.String(), k.fingerprint}]
	if isTrigger || old == nil {
		return nil
	}
	s.writer.changed(old)
	h := old.shard
	s.remove(old)
	renamed := newEntry(old.AlertRecord)
	renamed.Endpoint = k.endpoint
	s.add(renamed, h)
	s.writer.changed(renamed)
	return renamed
}

// markAbsent marks the alerts that a complete delivery of their group leaves out, for the watchers that end alerts by absence. Where two
// senders use the same names for their groups, each delivery leaves out the alerts of the other, and would cause a write each time.
// Therefore alerts that no such watcher selects are not marked. The mutex is held.
func (s *Store) markAbsent(d *Delivery, keys []key, at time.Time) {
	if d.Group == "" || d.Truncated > 0 {
		return
	}
	members := s.index.groups[group{d.Endpoint.String(), d.Group}]
	if len(members) == 0 {
		return
	}
	present := make(map[key]struct{}, len(keys))
	for _, k := range keys {
		present[k] = struct{}{}
	}
	for e := range members {
		if _, ok := present[e.key()]; ok || e.onAbsence == 0 || e.AbsentSince != nil || e.class() == isResolved || e.LastSeen.After(at) {
			continue
		}
		since := micro(at)
		e.AbsentSince = &since
		s.onApplied(e, false, at)
		s.writer.changed(e)
	}
}

// countSelectors completes the result of a delivery: whether any object selects alerts of its namespace, and how many select its alert,
// if that is requested. The mutex is held.
func (s *Store) countSelectors(d *Delivery, keys []key, r *Result) {
	r.Listening = s.index.hasAlertWatchers(d.Endpoint.Namespace)
	if !d.CountObjects || len(keys) != 1 {
		return
	}
	objects := map[string]struct{}{}
	if e := s.index.records[keys[0]]; e != nil {
		for w := range e.selections {
			objects[w.query.SelectedBy] = struct{}{}
		}
	}
	if n := len(objects); n > 0 || s.selectorsKnown {
		r.Objects = &n
	}
}

// logTruncated logs when the deliveries of an endpoint begin to be truncated, and when they are complete again. The mutex is held.
func (s *Store) logTruncated(d *Delivery) {
	endpoint := d.Endpoint.String()
	was := s.truncated[endpoint]
	switch {
	case d.Truncated > 0:
		s.counts.truncated++
		if !was && len(s.truncated) < maxTruncated {
			s.truncated[endpoint] = true
			s.log.Warn("deliveries are truncated: firing alerts and resolves may be missing; set max_alerts: 0",
				"endpoint", endpoint, "missing", d.Truncated)
		}
	case was:
		delete(s.truncated, endpoint)
		s.log.Info("deliveries are complete again", "endpoint", endpoint)
	}
}

// notify calls each watcher with its newest version, unless it has been called with it. The mutex is not held.
func (s *Store) notify(all []*watcher) {
	for _, w := range all {
		w.notifying.Lock()
		if v := s.snapshot(w); !w.removed && v.version > w.notified {
			w.notified = v.version
			w.changed(v.cause, v.alerts, v.err)
		}
		w.notifying.Unlock()
	}
}
