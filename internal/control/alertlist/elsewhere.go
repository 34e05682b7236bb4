package alertlist

import (
	"slices"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/triggers"
)

// Awaits reports whether w has triggers that select alerts, and none of them is active by the status. Only then can Elsewhere find an
// alert, for which all records have to be read.
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

// Elsewhere returns a firing alert whose labels a trigger of w selects, but that was delivered for another namespace, where no object
// selects it: its sender probably has the wrong namespace in its URL. ok is false if there is none, and if w selects any firing alert.
// workloads are the workloads of all namespaces.
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

// selected reports whether one of the selectors selects a recorded alert.
func selected(s *v1alpha1.AlertRecord, all map[string][]selector) bool {
	endpoint := store.ParseEndpoint(s.Endpoint)
	return slices.ContainsFunc(all[endpoint.Namespace], func(one selector) bool { return one.selects(endpoint, s.Labels) })
}

// anySelects reports whether one of the selectors selects alerts with these labels in some namespace.
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
