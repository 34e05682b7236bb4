package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	// No two things of a run happen at one instant, as the order of those is the scheduler's.
	t.Run("the goroutine in fake time writes what a plain loop over the step writes", func(t *testing.T) {
		t.Parallel()
		changes := 0
		for seed := range uint64(150) {
			synctest.Test(t, func(t *testing.T) {
				s := newSpec(t, rand.New(rand.NewPCG(seed, 7)))
				want, got := s.expectedWrites(t), s.run(t)
				changes += len(want)
				if !slices.Equal(got, want) {
					t.Errorf("seed %d: the goroutine wrote\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			})
		}
		if changes < 500 {
			t.Errorf("got %d changes in all runs, want 500 or more to show something", changes)
		}
	})
}

// length is how long a run lasts.
const length = 30 * time.Minute

// spec is a workload and what happens to it.
type spec struct {
	workload *compile.Workload
	start    scalers.Instant
	replicas int32
	readings []reading
	writes   []foreign
}

// reading is a reading of the query.
type reading struct {
	at    scalers.Instant
	event scalers.Event
}

// foreign is a count that another client writes.
type foreign struct {
	at scalers.Instant
	to int32
}

// newSpec makes up a workload with a query and a schedule.
func newSpec(t *testing.T, r *rand.Rand) *spec {
	t.Helper()
	seconds := func(choices ...int32) *int32 { return &choices[r.IntN(len(choices))] }
	rules := func() *v1alpha1.ScalingRules {
		all := &v1alpha1.ScalingRules{StabilizationWindowSeconds: seconds(0, 0, 17, 67, 127)}
		for range r.IntN(3) {
			all.Policies = append(all.Policies, v1alpha1.ScalingPolicy{
				Type: []string{"Pods", "Percent"}[r.IntN(2)], Value: []int32{1, 3, 50, 100}[r.IntN(4)], PeriodSeconds: *seconds(13, 59),
			})
		}
		return all
	}
	so := &v1alpha1.ScaledObject{Spec: v1alpha1.ScaledObjectSpec{
		ScaleTargetRef: v1alpha1.ScaleTargetRef{Name: "web"}, PollingInterval: seconds(15), CooldownPeriod: seconds(31, 97), MinReplicaCount: seconds(0, 1, 3),
		MaxReplicaCount: seconds(8, 20),
		Advanced: &v1alpha1.Advanced{HorizontalPodAutoscalerConfig: &v1alpha1.HorizontalPodAutoscalerConfig{
			Behavior: &v1alpha1.Behavior{ScaleUp: rules(), ScaleDown: rules()},
		}},
		Triggers: []v1alpha1.Trigger{
			{Type: "prometheus", MetricType: []string{"AverageValue", "Value"}[r.IntN(2)], Metadata: map[string]v1alpha1.Scalar{"serverAddress": "http://p:9090", "query": "q", "threshold": "10"}},
			{Type: "cron", Metadata: map[string]v1alpha1.Scalar{"timezone": "Etc/UTC", "start": "3/10 * * * *", "end": "6/10 * * * *", "desiredReplicas": "5"}},
		},
	}}
	compile.Default(so)
	w, mistakes := compile.Compile(so, builtin.Kinds(), compile.DefaultSettings())
	if len(mistakes) > 0 {
		t.Fatal(mistakes[0])
	}
	s := &spec{workload: w, start: scalers.InstantOf(time.Now()), replicas: r.Int32N(6)}
	w.Policy.Created = s.start
	s.schedule(r)
	return s
}

// schedule makes up what happens: each thing at a millisecond of its own, and none at a whole second. Windows and periods are
// whole seconds, and no minutes, so that what ends with them falls on none of these instants and on no edge of the schedule.
func (s *spec) schedule(r *rand.Rand) {
	milliseconds := r.Perm(999)
	later := func(at scalers.Instant) scalers.Instant {
		ms := milliseconds[0] + 1
		milliseconds = milliseconds[1:]
		return at.Add(time.Duration(r.IntN(5))*time.Second + time.Duration(ms)*time.Millisecond)
	}
	for k := range scalers.Instant(length / (15 * time.Second)) {
		at := s.start.Add(time.Duration(k) * 15 * time.Second)
		if k > 0 {
			at = later(at)
		}
		e := scalers.Event{Value: scalers.Milli(r.IntN(12) * r.IntN(12) * 1000)}
		if r.IntN(8) == 0 {
			e = scalers.Event{Err: errors.New("connection refused")}
		}
		if r.IntN(10) > 0 || k == 0 {
			s.readings = append(s.readings, reading{at, e})
		}
		// Seldom enough that the target is not contested: the order of a back-off and a reading would be the scheduler's.
		if r.IntN(20) == 0 && k > 0 && (len(s.writes) == 0 || at > s.writes[len(s.writes)-1].at.Add(time.Minute)) {
			s.writes = append(s.writes, foreign{at: later(s.start.Add(time.Duration(k)*15*time.Second + 8*time.Second)), to: r.Int32N(12)})
		}
	}
}

// expectedWrites returns our writes when nothing but the step decides: every write succeeds at once.
func (s *spec) expectedWrites(t *testing.T) []string {
	t.Helper()
	timed, ok := s.workload.Triggers[1].Config.(triggers.Timed)
	if !ok {
		t.Fatal("the second trigger has no timetable")
	}
	table, err := timed.Timetable()
	if err != nil {
		t.Fatal(err)
	}
	state := loop.New(loop.Options{Policy: s.workload.Policy, Triggers: 2, Pacing: loop.ClusterPacing()})
	var all []string
	readings, writes, replicas := s.readings, s.writes, s.replicas
	edge, level := s.start, scalers.Milli(-1)
	for now := s.start; now <= s.start.Add(length); {
		in := loop.Inputs{Readings: make([]scalers.Event, 2), MayWrite: true, Observed: true}
		if len(writes) > 0 && writes[0].at == now {
			replicas, writes = writes[0].to, writes[1:]
		}
		in.Observation = actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: replicas}, Ready: replicas}
		if len(readings) > 0 && readings[0].at == now {
			in.Readings[0], in.Arrived, readings = readings[0].event, 1, readings[1:]
		}
		if now == edge {
			value, until := table(now.Time())
			if edge = scalers.InstantOf(until); value != level {
				level, in.Readings[1].Value, in.Arrived = value, value, in.Arrived|2
			}
		}
		out := state.Step(&in, now)
		for out.Write != nil {
			all = append(all, change(now.Sub(s.start), out.Write.From.Replicas, out.Write.To))
			replicas = out.Write.To
			succeeded := out.Write.Succeeded()
			out = state.Step(&succeeded, now)
		}
		now = min(out.WakeAt, edge)
		if len(readings) > 0 {
			now = min(now, readings[0].at)
		}
		if len(writes) > 0 {
			now = min(now, writes[0].at)
		}
	}
	return all
}

func change(at time.Duration, from, to int32) string {
	return fmt.Sprintf("%s: %d → %d", at, from, to)
}

// run returns our writes when the goroutine of an autoscaler drives the step, with a real schedule as a source.
func (s *spec) run(t *testing.T) []string {
	t.Helper()
	target := &target{version: 1}
	target.observed = actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: s.replicas, ResourceVersion: "1"}, Ready: s.replicas}
	target.podsFollow = true
	query, now := &source{}, NewClock()
	a := New(Options{
		Workload: s.workload, Actuator: target, Reporter: &journal{}, Now: now, MayWrite: func() bool { return true },
		Open: func(i int, _ func(error)) (triggers.Source, error) {
			if i == 0 {
				return query, nil
			}
			return s.workload.Triggers[i].Kind.Open(s.workload.Triggers[i].Config, triggers.Env{Now: now})
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	a.Start(ctx, func() Past { return Past{} }, func(scalers.Memory) { close(done) })
	synctest.Wait()
	readings, writes := s.readings, s.writes
	for len(readings)+len(writes) > 0 {
		if len(writes) == 0 || len(readings) > 0 && readings[0].at < writes[0].at {
			until(readings[0].at)
			e := readings[0].event
			e.At = readings[0].at
			query.send(e)
			readings = readings[1:]
		} else {
			until(writes[0].at)
			target.writeForeign(writes[0].to)
			writes = writes[1:]
		}
		synctest.Wait()
	}
	until(s.start.Add(length))
	synctest.Wait()
	cancel()
	<-done
	var all []string
	for _, w := range target.written() {
		all = append(all, change(scalers.InstantOf(w.at).Sub(s.start), w.from, w.to))
	}
	return all
}

// until waits for an instant.
func until(at scalers.Instant) { <-time.After(time.Until(at.Time())) }
