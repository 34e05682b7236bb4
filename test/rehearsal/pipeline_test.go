package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/analysis/engine"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/builtin"
)

// TestTheVirtualWorldWritesWhatThePipelineWrites lives through random stories twice: in the virtual world, and with the real
// pipeline in a bubble of fake time. No two things of a story fall on one instant, as the order of those is the scheduler's.
func TestTheVirtualWorldWritesWhatThePipelineWrites(t *testing.T) {
	changes := 0
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			s := newStory(t, rand.New(rand.NewPCG(seed, 7)))
			virtual, real := s.rehearse(), s.run(t)
			changes += len(virtual)
			if !slices.Equal(virtual, real) {
				t.Errorf("story %d: rehearsed\n%s\nin production\n%s", seed, strings.Join(virtual, "\n"), strings.Join(real, "\n"))
			}
		})
	}
	if changes < 500 {
		t.Errorf("only %d changes in all stories: too few to say something", changes)
	}
}

// length is how long a story lasts.
const length = 30 * time.Minute

// story is a workload and what happens to it.
type story struct {
	workload *compile.Workload
	start    scalers.Instant
	replicas int32
	readings []reading
	writes   []engine.Write
}

// reading is one of the query.
type reading struct {
	at    scalers.Instant
	event scalers.Event
}

// newStory makes up a workload with a query and a schedule.
func newStory(t *testing.T, r *rand.Rand) *story {
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
	s := &story{workload: w, start: scalers.InstantOf(time.Now()), replicas: r.Int32N(6)}
	w.Policy.Created = s.start
	s.tell(r)
	return s
}

// tell makes up what happens: each thing at a millisecond of its own, and none at a whole second. Windows and periods are
// whole seconds, and no minutes, so that what ends with them falls on none of these instants and on no edge of the schedule.
func (s *story) tell(r *rand.Rand) {
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
		// Seldom enough that nobody fights: then the pipeline's answers back off.
		if r.IntN(20) == 0 && k > 0 && (len(s.writes) == 0 || at > s.writes[len(s.writes)-1].At.Add(time.Minute)) {
			s.writes = append(s.writes, engine.Write{At: later(s.start.Add(time.Duration(k)*15*time.Second + 8*time.Second)), To: r.Int32N(12)})
		}
	}
}

// Next is that of the query's feed.
func (s *story) Next(t scalers.Instant) scalers.Instant {
	i, _ := slices.BinarySearchFunc(s.readings, t+1, func(r reading, t scalers.Instant) int { return cmp.Compare(r.at, t) })
	if i == len(s.readings) {
		return scalers.Never
	}
	return s.readings[i].at
}

// Read is that of the query's feed.
func (s *story) Read(t scalers.Instant, _ engine.Target) (scalers.Event, bool) {
	i, ok := slices.BinarySearchFunc(s.readings, t, func(r reading, t scalers.Instant) int { return cmp.Compare(r.at, t) })
	if !ok {
		return scalers.Event{}, false
	}
	return s.readings[i].event, true
}

// rehearse returns our writes in the virtual world.
func (s *story) rehearse() []string {
	feeds, err := engine.Foreseen(s.workload, nil)
	if err != nil {
		return []string{err.Error()}
	}
	feeds[0] = s
	w := &engine.Scenario{Policy: s.workload.Policy, Start: s.start, Replicas: s.replicas, Feeds: feeds, Writes: s.writes}
	var all []string
	for t := range w.Turns(s.start.Add(length)) {
		if t.Changed() {
			all = append(all, change(t.At.Sub(s.start), t.From, t.Decision.Replicas))
		}
	}
	return all
}

func change(at time.Duration, from, to int32) string {
	return fmt.Sprintf("%s: %d → %d", at, from, to)
}

// run returns our writes in production.
func (s *story) run(t *testing.T) []string {
	t.Helper()
	target := &target{start: s.start.Time()}
	target.seen = actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: s.replicas, ResourceVersion: "1"}, Ready: s.replicas}
	query := &query{emits: make(chan func(scalers.Event), 1)}
	now := autoscaler.NewClock()
	p := autoscaler.New(autoscaler.Options{
		Workload: s.workload, Actuator: target, Reporter: silent{}, Now: now, MayWrite: func() bool { return true },
		Open: func(i int) (triggers.Source, error) {
			if i == 0 {
				return query, nil
			}
			return s.workload.Triggers[i].Kind.Open(s.workload.Triggers[i].Config, triggers.Env{Now: now})
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		p.Run(ctx, autoscaler.Past{})
		close(done)
	}()
	emit := <-query.emits
	readings, writes := s.readings, s.writes
	for len(readings)+len(writes) > 0 {
		if len(writes) == 0 || len(readings) > 0 && readings[0].at < writes[0].At {
			until(readings[0].at)
			e := readings[0].event
			e.At = readings[0].at
			emit(e)
			readings = readings[1:]
		} else {
			until(writes[0].At)
			target.by(writes[0].To)
			writes = writes[1:]
		}
		synctest.Wait()
	}
	until(s.start.Add(length))
	synctest.Wait()
	cancel()
	<-done
	return target.changes
}

// until waits for an instant.
func until(at scalers.Instant) { <-time.After(time.Until(at.Time())) }

// silent tells nobody.
type silent struct{}

func (silent) Decided(*autoscaler.Outcome) {}

// query is a source that says what the story tells.
type query struct{ emits chan func(scalers.Event) }

func (q *query) Run(ctx context.Context, emit func(scalers.Event)) error {
	q.emits <- emit
	<-ctx.Done()
	return ctx.Err()
}

// target is a workload in memory whose pods are ready at once.
type target struct {
	start   time.Time
	mu      sync.Mutex
	seen    actuator.Observation
	version int
	changed func(actuator.Observation)
	changes []string
}

func (t *target) Watch(ctx context.Context, _ actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) error {
	t.mu.Lock()
	t.changed = changed
	changed(t.seen)
	t.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

func (t *target) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }

func (t *target) Set(_ context.Context, _ actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes = append(t.changes, change(time.Since(t.start), seen.Replicas, n))
	t.write(n)
	return t.seen.Scale, nil
}

// by is another hand's write.
func (t *target) by(n int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(n)
}

func (t *target) write(n int32) {
	t.version++
	t.seen.Scale.Replicas, t.seen.Ready = n, n
	t.seen.Scale.ResourceVersion = strconv.Itoa(t.version + 1)
	t.changed(t.seen)
}
