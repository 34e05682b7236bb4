package report

import (
	"github.com/impulse-sh/impulse/internal/pipeline"
	"github.com/impulse-sh/impulse/scalers"
)

// recommended are the newest recommendations that a memory has, within what can move the count of a decision: the highest
// count that the scale-down window holds it at, and the lowest that the scale-up window does.
//
// A process that takes up a memory takes them to stand until then. It lowers nothing too early as long as no higher count has
// been recommended since, and raises nothing too early as long as no lower one has. What was recommended within them since
// need not be written: its windows end later by that, never earlier.
type recommended struct{ high, low int32 }

// recommendedIn is what a memory has for the decision of a moment.
func recommendedIn(m *scalers.Memory, p *pipeline.Outcome) recommended {
	if !p.Decided {
		return recommended{}
	}
	policy, desired := p.Workload.Policy, p.Decision.Replicas
	r := recommended{desired, desired}
	if policy.Down.Window > 0 {
		r.high = min(max(newest(m.Highs, 0), policy.Min, 1), desired)
	}
	if policy.Up.Window > 0 {
		r.low = max(min(newest(m.Lows, policy.Max), policy.Max), desired)
	}
	return r
}

// newest is the count of the newest record.
func newest(records []scalers.Record, none int32) int32 {
	if len(records) == 0 {
		return none
	}
	return records[len(records)-1].Count
}

// forgets reports whether a process that takes up r would not know what has been recommended since.
func (r recommended) forgets(since recommended) bool { return since.high > r.high || since.low < r.low }

// remembered is the memory for a status. While the recommendations go up and down under the same decision, that decision
// stands for all of them: a restart then begins its windows anew, and none of them has to be written.
func (o *object) remembered(p *pipeline.Outcome) scalers.Memory {
	if !o.wavers || !p.Decided {
		return *p.Memory
	}
	return p.Memory.Clone().Recommended(p.Workload.Policy, p.At, p.Decision.Replicas)
}
