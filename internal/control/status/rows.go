package status

import (
	"cmp"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
)

// snapshot is what the reporter knows of an object for its metrics.
type snapshot struct {
	Object

	running    Inspected
	conditions []metav1.Condition
	errors     map[string]uint64
}

// snapshots returns a snapshot of each object, in the order of their names.
func (r *Reporter) snapshots() []snapshot {
	r.mu.Lock()
	all := make([]snapshot, 0, len(r.objects))
	for _, o := range r.objects {
		all = append(all, snapshot{o.Object, o.running, o.conditions.list, maps.Clone(o.errors)})
	}
	r.mu.Unlock()
	slices.SortFunc(all, func(a, b snapshot) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// rows are the values of all objects and triggers at one scrape.
type rows struct {
	objects  []objectRow
	triggers []triggerRow
}

// objectRow has the values of an object.
type objectRow struct {
	Object

	conditions                    []metav1.Condition
	minimum, maximum              float64
	current, desired              float64
	running, targetKnown, decided bool
	// limitedBy is the rule that limits the count; "" if none does.
	limitedBy string
}

// triggerRow has the values of a trigger of the object with an index.
type triggerRow struct {
	object                   int
	name, kind               string
	level, target, raw, read float64
	errors                   float64
	// asks is true if the trigger asks for replicas; readable is false for the trigger of a formula, which has no readings.
	known, input, asks, fallback, readable bool
}

// rowsOf reads the values of all objects.
func rowsOf(all []snapshot) *rows {
	r := &rows{objects: make([]objectRow, len(all)), triggers: make([]triggerRow, 0, len(all))}
	for i := range all {
		s := &all[i]
		r.objects[i].Object, r.objects[i].conditions = s.Object, s.conditions
		if s.running != nil {
			s.running.Inspect(func(o *autoscaler.Outcome) { r.read(i, o, s.errors) })
		}
	}
	return r
}

// read reads the values of object i from its outcome. errors counts the failed readings of each trigger.
func (r *rows) read(i int, o *autoscaler.Outcome, errors map[string]uint64) {
	row, policy := &r.objects[i], o.Workload.Policy
	row.running, row.minimum, row.maximum = true, float64(policy.Min), float64(policy.Max)
	row.targetKnown, row.current = o.TargetKnown, float64(o.Target.Scale.Replicas)
	if row.decided = o.Decided; o.Decided {
		row.desired = float64(o.Decision.Replicas)
		if step, limited := o.Decision.Limit(); limited {
			row.limitedBy = step.Rule.String()
		}
	}
	for j := range policy.Triggers {
		t := triggerOf(o, j)
		t.object, t.errors = i, float64(errors[t.name])
		r.triggers = append(r.triggers, t)
	}
}

// triggerOf returns the values of trigger i of an outcome.
func triggerOf(o *autoscaler.Outcome, i int) triggerRow {
	t, p := &o.Workload.Policy.Triggers[i], latestProposal(o, i)
	row := triggerRow{
		name: t.Name, kind: typeOf(o.Workload, i), known: p.Known, level: units(p.Level), target: units(t.Target), raw: float64(p.Raw),
		input: t.Input, asks: !t.Input && (p.Known && !p.AddsNothing || p.AtLeast), fallback: fallsBack(o, i),
	}
	if row.readable = i < len(o.Events); row.readable {
		row.read = float64(o.Events[i].At) / float64(time.Second)
	}
	return row
}

// latestProposal is proposalOf, and for the trigger of a formula, which has no readings, its proposal in the latest decision.
func latestProposal(o *autoscaler.Outcome, i int) scalers.Proposal {
	switch {
	case i < len(o.Events):
		return proposalOf(o, i)
	case o.Decided && i < len(o.Decision.Proposals()):
		return o.Decision.Proposals()[i]
	default:
		return scalers.Proposal{}
	}
}

// typeOf returns the type of trigger i of a workload.
func typeOf(w *compile.Workload, i int) string {
	if i < len(w.Triggers) {
		return w.Triggers[i].Kind.Name
	}
	return composite
}

func units(m scalers.Milli) float64 { return float64(m) / 1000 }
