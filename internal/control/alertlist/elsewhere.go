package alertlist

import (
	"slices"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
)

// Awaits reports whether triggers of w follow alerts, and none of these is active by the status: only then can Elsewhere find
// anything, for which the whole record is read.
func Awaits(w *compile.Workload, status *v1alpha1.ScaledObjectStatus) bool {
	follows := false
	for i := range w.Triggers {
		if _, ok := w.Triggers[i].Config.(triggers.Alerted); !ok {
			continue
		}
		follows = true
		if i < len(status.Triggers) && status.Triggers[i].Active {
			return false
		}
	}
	return follows
}

// Elsewhere returns an alert that fires and whose labels a trigger of w selects, but that was delivered for another namespace, in
// which no object selects it: its sender probably has the wrong namespace in its URL. ok is false when there is none, and when w
// selects any alert that fires. workloads are those of all namespaces.
func Elsewhere(stored []v1alpha1.AlertRecord, workloads []*compile.Workload, w *compile.Workload) (found Alert, ok bool) {
	own, all := selectorsOf([]*compile.Workload{w}), selectorsOf(workloads)
	for i := range stored {
		a := alertOf(&stored[i])
		if !stored[i].Firing || a.Trigger != "" {
			continue
		}
		if selected(&stored[i], own) {
			return Alert{}, false
		}
		if !ok && !selected(&stored[i], all) && anySelects(own, a.Labels) {
			found, ok = a, true
		}
	}
	return found, ok
}

// selected reports whether one of the selectors selects a stored alert.
func selected(s *v1alpha1.AlertRecord, all map[string][]selector) bool {
	door := store.ParseEndpoint(s.Endpoint)
	return slices.ContainsFunc(all[door.Namespace], func(one selector) bool { return one.selects(door, s.Labels) })
}

// anySelects reports whether one of the selectors takes alerts with these labels, whatever namespace they are delivered for.
func anySelects(all map[string][]selector, labels map[string]string) bool {
	for _, some := range all {
		for i := range some {
			if q := &some[i].query; q.Object == "" && q.Match(labels) {
				return true
			}
		}
	}
	return false
}
