package policytest

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/diag"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// check reports inputs and expectations that do not fit the object's triggers, and a test that is too long.
func (s *spec) check(r *reader, w *compile.Workload, path string) {
	winners := make([]string, len(w.Policy.Triggers))
	for i := range winners {
		winners[i] = w.Policy.Triggers[i].Name
	}
	names := winners[:len(w.Triggers)]
	given := map[string]int{}
	for i := range s.inputs {
		in := &s.inputs[i]
		switch at := fmt.Sprintf("%s.inputs[%d]", path, i); {
		case in.ready != nil && given[readyReplicas] > 0:
			r.Report(in.node, at, fmt.Sprintf("%s is given already, in line %d", readyReplicas, given[readyReplicas]), "")
		case in.ready != nil:
			given[readyReplicas] = in.node.Line
		case in.named == nil:
		case !slices.Contains(names, in.trigger):
			r.Report(in.named, at+".trigger", fmt.Sprintf("%q is no trigger of the object", in.trigger), diag.Suggest(in.trigger, names))
		case given[in.trigger] > 0:
			r.Report(in.named, at+".trigger", fmt.Sprintf("%q has its readings already, in line %d", in.trigger, given[in.trigger]), "")
		case in.perPod && !w.Policy.Triggers[slices.Index(names, in.trigger)].PerPod:
			r.Report(in.named, at+".pods", fmt.Sprintf("%q does not look at single pods", in.trigger), "write values")
		default:
			given[in.trigger] = in.node.Line
		}
	}
	for i := range s.expectations {
		e := &s.expectations[i]
		if e.trigger != nil && !slices.Contains(winners, *e.Trigger) {
			r.Report(e.trigger, fmt.Sprintf("%s.expect[%d].trigger", path, i), fmt.Sprintf("%q is no trigger of the object", *e.Trigger), diag.Suggest(*e.Trigger, winners))
		}
	}
	if last := s.last(); r.valid() && (last > maxLength || last/s.interval > maxIntervals) {
		r.Report(s.object, path, fmt.Sprintf("lasts %s: more than %s, or than %d times the interval of %s", scalers.Short(last), scalers.Short(maxLength), maxIntervals, scalers.Short(s.interval)), "")
	}
}

// last returns the last instant that matters: that of the last expectation and, with maxChanges, of the last input.
func (s *spec) last() time.Duration {
	var last time.Duration
	for i := range s.expectations {
		last = max(last, s.expectations[i].To)
	}
	if s.changes != nil {
		for i := range s.inputs {
			last = max(last, s.inputs[i].last(s.interval))
		}
	}
	return last
}

func (s *spec) end() scalers.Instant { return scalers.InstantOf(s.start).Add(s.last()) }

// scenario returns the scenario of the test. The error names a trigger whose levels cannot be computed.
func (s *spec) scenario(w *compile.Workload) (*engine.Scenario, error) {
	start := scalers.InstantOf(s.start)
	p := s.policy(w, start)
	scenario := &engine.Scenario{
		Policy: p, Start: start, Replicas: p.Min, StartupDelay: s.startupDelay, Memory: s.memory(p, start),
	}
	if s.replicas != nil {
		scenario.Replicas = *s.replicas
	}
	ticker := engine.Ticker{Start: start, Interval: s.interval}
	var alerts []engine.Alert
	for i := range s.inputs {
		switch in := &s.inputs[i]; {
		case in.alert != nil:
			alerts = append(alerts, engine.Alert{Alert: *in.alert, From: instantOf(start, in.firing.from), Until: instantOf(start, in.firing.until)})
		case in.ready != nil:
			scenario.Ready = engine.Regular{Ticker: ticker, Series: *in.ready}.Count
		case in.write != nil:
			scenario.Writes = append(scenario.Writes, engine.Write{At: start.Add(in.write.at), To: in.write.to})
		}
	}
	slices.SortStableFunc(scenario.Writes, func(a, b engine.Write) int { return cmp.Compare(a.At, b.At) })
	feeds, err := engine.DerivedFeeds(w, alerts)
	if err != nil {
		return nil, err
	}
	for i := range s.inputs {
		if in := &s.inputs[i]; in.named != nil {
			n := slices.IndexFunc(w.Triggers, func(t compile.Trigger) bool { return t.Name == in.trigger })
			feeds[n] = in.feed(ticker, &w.Triggers[n], &p.Triggers[n])
		}
	}
	scenario.Feeds = feeds
	return scenario, nil
}

// policy returns the object's policy on the clock of the test: the object is created at t = 0, and interval replaces pollingInterval.
func (s *spec) policy(w *compile.Workload, start scalers.Instant) *scalers.Policy {
	p := *w.Policy
	p.Created = start
	if p.Fallback != nil {
		fallback := *p.Fallback
		fallback.Interval = s.interval
		p.Fallback = &fallback
	}
	p.Triggers = slices.Clone(p.Triggers)
	for i := range p.Triggers {
		if t := &p.Triggers[i]; !t.Continuous && t.Formula == nil {
			t.StaleAfter = 3 * s.interval
		}
	}
	return &p
}

// feed returns the feed of a trigger with readings in the test.
func (in *input) feed(ticker engine.Ticker, t *compile.Trigger, level *scalers.Trigger) engine.Feed {
	if in.values == nil {
		return engine.Pods{Ticker: ticker, Pods: in.podsAt(ticker.Start)}
	}
	var zeros triggers.Zeros
	if lenient, ok := t.Config.(triggers.Lenient); ok {
		zeros = lenient.Zeros()
	}
	values := engine.Regular{Ticker: ticker, Series: *in.values, Zeros: zeros}
	if level.PerPod {
		return engine.Mean{Regular: values, Utilization: level.Metric == scalers.Utilization}
	}
	return values
}
