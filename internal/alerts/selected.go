package alerts

// count completes what came of a delivery: whether anybody selects alerts of its namespace, and how many objects select the one
// that it holds, if it asks; s.mu is held.
func (s *Store) count(d *Delivery, keys []key, r *Result) {
	r.Listening = s.watchers.listen(d.Door.Namespace)
	if !d.Count || len(keys) != 1 {
		return
	}
	objects := map[string]struct{}{}
	if one := s.alerts[keys[0]]; one != nil {
		for w := range one.watched {
			objects[w.query.For] = struct{}{}
		}
	}
	if n := len(objects); n > 0 || s.joined {
		r.Objects = &n
	}
}
