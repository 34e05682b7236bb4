package status

import (
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// recommended is the newest recommendation in each window of a memory, cut to what can still move the count of a decision: the
// scale-down window lets the count fall to high, and the scale-up window lets it rise to low.
//
// A process that resumes a memory lets both stand until then. So it lowers nothing too early unless a higher count has been
// recommended since the memory was written, and raises nothing too early unless a lower one has. Any other recommendation need
// not be written: without it, the windows of the next process end later, never earlier.
type recommended struct{ high, low int32 }

// recommendedIn is what a memory has for the decision of a moment.
func recommendedIn(m *scalers.Memory, p *autoscaler.Outcome) recommended {
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

// weakerThan reports whether a process that resumes r could lower or raise the count too early.
func (r recommended) weakerThan(since recommended) bool {
	return since.high > r.high || since.low < r.low
}

// remembered is the memory for a status. While the recommendations go up and down under the same decision, that decision
// stands for all of them: a restart then begins its windows anew, and none of them has to be written.
func (o *object) remembered(p *autoscaler.Outcome) scalers.Memory {
	if !o.wavering || !p.Decided {
		return *p.Memory
	}
	return p.Memory.Clone().Recommended(p.Workload.Policy, p.At, p.Decision.Replicas)
}
