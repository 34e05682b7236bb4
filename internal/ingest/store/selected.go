package store

import "cmp"

// count completes what came of a delivery: whether anybody selects alerts of its namespace, and how many objects select the one
// that it holds, if it asks; s.mu is held.
func (s *Store) count(d *Delivery, keys []key, r *Result) {
	r.Listening = s.watchers.listen(d.Endpoint.Namespace)
	if !d.Count || len(keys) != 1 {
		return
	}
	objects := map[string]struct{}{}
	if one := s.alerts[keys[0]]; one != nil {
		for w := range one.watched {
			objects[w.query.SelectedBy] = struct{}{}
		}
	}
	if n := len(objects); n > 0 || s.joined {
		r.Objects = &n
	}
}

// logUnselected logs how many firing alerts no object selects. It makes up for the deliveries at which that was not known yet.
func (s *Store) logUnselected() {
	var namespace, name string
	n := 0
	s.mu.Lock()
	for _, r := range s.alerts {
		if len(r.watched) == 0 && r.class() == isFiring {
			n++
			namespace, name = cmp.Or(r.namespace, "*"), cut(r.Labels["alertname"])
		}
	}
	s.mu.Unlock()
	if n > 0 {
		s.log.Info("alerts are recorded that no object selects: impulse alerts lists them", "alerts", n, "namespace", namespace, "alertname", name)
	}
}
