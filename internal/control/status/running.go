package status

import (
	"slices"

	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
)

// Inspected is an autoscaler whose state the metrics show. *autoscaler.Autoscaler is one.
type Inspected interface {
	// Inspect calls read with the present outcome. read is short, and retains nothing.
	Inspect(read func(o *autoscaler.Outcome))
	// Waiting returns the number of readings that wait for a decision.
	Waiting() int
}

// Running has the metrics show the state of the autoscaler of a workload until stopped is called, or the object is deleted.
func (r *Reporter) Running(w *compile.Workload, a Inspected) (stopped func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.known(w)
	if o == nil {
		return func() {} // The object was deleted before its autoscaler began.
	}
	o.running = a
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if o.running == a {
			o.running = nil
		}
	}
}

// countErrors counts the readings in an outcome that failed. The caller must hold r.mu.
func (o *object) countErrors(p *autoscaler.Outcome) {
	for i := range p.Events {
		if p.Arrived&(1<<i) == 0 || p.Events[i].Err == nil {
			continue
		}
		if o.errors == nil {
			o.errors = map[string]uint64{}
		}
		o.errors[p.Workload.Triggers[i].Name]++
	}
}

// forgetErrors removes the counts of triggers that a new version of the object does not have. The caller must hold r.mu.
func (o *object) forgetErrors(w *compile.Workload) {
	for name := range o.errors {
		if !slices.ContainsFunc(w.Triggers, func(t compile.Trigger) bool { return t.Name == name }) {
			delete(o.errors, name)
		}
	}
}

// WaitingReadings returns the number of readings of all triggers that wait for a decision.
func (r *Reporter) WaitingReadings() int {
	r.mu.Lock()
	all := make([]Inspected, 0, len(r.objects))
	for _, o := range r.objects {
		if o.running != nil {
			all = append(all, o.running)
		}
	}
	r.mu.Unlock()
	n := 0
	for _, a := range all {
		n += a.Waiting()
	}
	return n
}

// WaitingStatuses returns the number of statuses that wait to be written.
func (r *Reporter) WaitingStatuses() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, o := range r.objects {
		if o.pending != nil {
			n++
		}
	}
	return n
}
