package live

import (
	"strconv"
	"time"

	"github.com/impulse-sh/impulse/scalers"
)

// Series is what happened to an object since this process leads, at most 24 hours. Each point lasts until the next one; the newest lasts
// until Until.
type Series struct {
	Since  time.Time    `json:"since"`
	Until  time.Time    `json:"until"`
	Levels LevelSeries  `json:"levels"`
	Counts []CountPoint `json:"counts"`
}

// LevelSeries has the levels of the triggers. It begins anew when the triggers of the object change.
type LevelSeries struct {
	Triggers []string `json:"triggers"`
	// Times are in milliseconds since 1970.
	Times []int64 `json:"times"`
	// Demand is the count that the triggers ask for; null while no trigger is known.
	Demand []*int32 `json:"demand"`
	// Values has a list for each trigger, with a level for each time; null while the trigger was unknown.
	Values [][]Level `json:"values"`
	// Unknown has, for each trigger, the indexes of the times after which it was unknown for a part of the time or all of it.
	Unknown [][]int `json:"unknown"`
}

// Level is a level; NaN, which is unknown, is null in JSON.
type Level float32

// MarshalJSON implements json.Marshaler.
func (l Level) MarshalJSON() ([]byte, error) {
	if isNaN(float32(l)) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(l), 'g', -1, 32), nil
}

// CountPoint has the counts from a time on.
type CountPoint struct {
	// Time is in milliseconds since 1970.
	Time int64 `json:"t"`
	// Replicas is the count of the target, Desired the decided one, and Shadow that of the shadow policy: the highest of the time that the
	// point covers. Lowest is the lowest count of the target, if it differs. A count that was not known is absent.
	Replicas *int32 `json:"replicas,omitempty"`
	Lowest   *int32 `json:"lowest,omitempty"`
	Desired  *int32 `json:"desired,omitempty"`
	Shadow   *int32 `json:"shadow,omitempty"`
	Minimum  int32  `json:"min"`
	Maximum  int32  `json:"max"`
	// LimitedBy is the rule that limited the count.
	LimitedBy string `json:"limitedBy,omitempty"`
	// Blocked is true if the count could not be written.
	Blocked bool `json:"blocked,omitempty"`
}

// series returns the series of an entry until now; nil if there was no outcome yet.
func (e *entry) series(now time.Time) *Series {
	e.mu.Lock()
	began, levels, counts := e.began, e.levels.clone(), e.counts.clone()
	e.mu.Unlock()
	if began == 0 {
		return nil
	}
	s := &Series{Since: began.Time(), Until: now, Levels: levels.series(began), Counts: make([]CountPoint, len(counts.all))}
	for i := range counts.all {
		s.Counts[i] = counts.all[i].point(counts.timeline[i].time(began).UnixMilli())
	}
	return s
}

func (l *levels) series(began scalers.Instant) LevelSeries {
	n := len(l.timeline)
	s := LevelSeries{
		Triggers: l.triggers, Times: make([]int64, n), Demand: make([]*int32, n),
		Values: make([][]Level, len(l.triggers)), Unknown: make([][]int, len(l.triggers)),
	}
	for i := range l.triggers {
		s.Values[i], s.Unknown[i] = make([]Level, n), []int{}
	}
	for j := range n {
		s.Times[j] = l.timeline[j].time(began).UnixMilli()
		if l.demand[j] != noDemand {
			s.Demand[j] = &l.demand[j]
		}
		for i, value := range l.at(j) {
			s.Values[i][j] = Level(value)
			if l.unknown[j]&(1<<i) != 0 {
				s.Unknown[i] = append(s.Unknown[i], j)
			}
		}
	}
	return s
}

// point returns counts as a point at a time.
func (c *count) point(at int64) CountPoint {
	p := CountPoint{
		Time: at, Replicas: known(c.replicas), Desired: known(c.desired), Shadow: known(c.shadow), Minimum: c.minimum, Maximum: c.maximum, Blocked: c.blocked,
	}
	if c.lowest != c.replicas {
		p.Lowest = known(c.lowest)
	}
	if c.limit != scalers.RuleFormula {
		p.LimitedBy = c.limit.String()
	}
	return p
}
