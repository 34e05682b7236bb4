package status

import (
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/scalers"
)

// recommended has the newest recommendation in each stabilization window of a memory, as far as it can still change the count: the
// scale-down window lets the count fall to high, and the scale-up window lets it rise to low.
//
// A process that resumes the memory extends both recommendations to the instant at which it resumes. It therefore lowers the count too
// early only if a higher count was recommended after the memory was written, and raises it too early only if a lower one was. No other
// recommendation needs to be written: without it, the windows of the next process end later, never earlier.
type recommended struct{ high, low int32 }

// recommendedIn returns the recommendations in a memory for the decision of an outcome.
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

// newest returns the count of the newest record, or none.
func newest(records []scalers.Record, none int32) int32 {
	if len(records) == 0 {
		return none
	}
	return records[len(records)-1].Count
}

// insufficientFor reports whether a process that resumes r could lower or raise the count too early, if the process before it had the
// recommendations current when it ended.
func (r recommended) insufficientFor(current recommended) bool {
	return current.high > r.high || current.low < r.low
}

// remembered returns the memory to write. While recommendations change but the decided count does not, the decided count is added as the
// newest recommendation. After a restart the windows begin again at that count, so the changes need not be written.
func (o *object) remembered(p *autoscaler.Outcome) scalers.Memory {
	if !o.memoryVaries || !p.Decided {
		return *p.Memory
	}
	return p.Memory.Clone().Recommended(p.Workload.Policy, p.At, p.Decision.Replicas)
}
