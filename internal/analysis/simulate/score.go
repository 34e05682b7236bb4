package simulate

import (
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/scalers"
)

// Score rates a policy. Under and over belong together: a constant count is best in either alone.
type Score struct {
	// ReplicaHours are the wanted replicas, which are paid for, over time.
	ReplicaHours float64 `json:"replicaHours"`
	// UnderShare is the share of time with fewer ready replicas than the load needed, UnderMean how many were missing on
	// average in that time; OverShare and OverMean are the same for replicas that were not needed.
	UnderShare float64 `json:"underShare"`
	UnderMean  float64 `json:"underMean"`
	OverShare  float64 `json:"overShare"`
	OverMean   float64 `json:"overMean"`
	// Actions is the number of changes of the count, Flaps the number of those that reversed a change of less than ten minutes before.
	Actions int `json:"actions"`
	Flaps   int `json:"flaps"`
	// LongestBacklog is the longest time in which work was waiting, when load above the capacity waits until replicas are free.
	LongestBacklog time.Duration `json:"longestBacklogNanoseconds"`
}

// flap is the time within which a reversed change counts as a flap.
const flap = 10 * time.Minute

// score rates the wanted and the ready replicas against the demand.
func score(m *Model, wanted, ready, demand []Step) Score {
	var s Score
	var under, over, total, missing, surplus float64
	start, end := m.Load.Start(), m.Load.End()
	for c := newCursor(start, end, ready, demand); c.next(); {
		seconds, there, need := c.length.Seconds(), c.at[0], c.at[1]
		total += seconds
		switch {
		case there < need:
			under += seconds
			missing += seconds * float64(need-there)
		case there > need:
			over += seconds
			surplus += seconds * float64(there-need)
		}
	}
	for c := newCursor(start, end, wanted); c.next(); {
		s.ReplicaHours += c.length.Hours() * float64(c.at[0])
	}
	s.UnderShare, s.UnderMean = share(under, total), share(missing, under)
	s.OverShare, s.OverMean = share(over, total), share(surplus, over)
	s.Actions, s.Flaps = actions(wanted)
	s.LongestBacklog = backlog(m, ready)
	return s
}

func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// actions counts the changes of a count, and the flaps among them.
func actions(wanted []Step) (changes, flaps int) {
	for i := 1; i < len(wanted); i++ {
		changes++
		if i < 2 || wanted[i].At.Sub(wanted[i-1].At) >= flap {
			continue
		}
		if up, before := wanted[i].N > wanted[i-1].N, wanted[i-1].N > wanted[i-2].N; up != before {
			flaps++
		}
	}
	return changes, flaps
}

// backlog returns the longest time in which work waits: load above the capacity of the ready replicas adds to the backlog, and spare
// capacity reduces it.
func backlog(m *Model, ready []Step) time.Duration {
	var waiting float64
	var longest time.Duration
	since := scalers.Never
	start, end := m.Load.Start(), m.Load.End()
	column := make([]Step, 0, len(m.Load.Times))
	for i, at := range m.Load.Times {
		if m.Column.Cells[i].Answer == engine.Number {
			column = append(column, Step{at, int32(i)})
		}
	}
	for c := newCursor(start, end, ready, column); c.next(); {
		rate := float64(m.Column.Cells[c.at[1]].Value)/float64(m.Capacity) - float64(c.at[0])
		if rate <= 0 && waiting == 0 {
			continue
		}
		if since == scalers.Never {
			since = c.from
		}
		until := c.from.Add(c.length)
		if waiting += rate * c.length.Seconds(); waiting <= 0 {
			// It ended within this part.
			until = until.Add(-time.Duration(waiting / rate * float64(time.Second)))
			waiting = 0
		}
		longest = max(longest, until.Sub(since))
		if waiting == 0 {
			since = scalers.Never
		}
	}
	return longest
}
