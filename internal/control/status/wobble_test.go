package status

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// wobble is a source whose reading varies every interval.
type wobble struct {
	offset time.Duration
	rand   *rand.Rand
	next   func(r *rand.Rand) (level int64, err error)
}

// Run implements triggers.Source.
func (w *wobble) Run(ctx context.Context, emit func(scalers.Event)) error {
	<-time.After(w.offset) // Two sources are never read at one instant, so that the order of the readings is always the same.
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		level, err := w.next(w.rand)
		emit(scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 100), Err: err})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// deployment is a target in memory.
type deployment struct {
	mu       sync.Mutex
	observed actuator.Observation
	changed  func(actuator.Observation)
	writes   int
}

func (d *deployment) Follow(_ actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changed = changed
	changed(d.observed)
	return func() {}, nil
}

func (d *deployment) Set(_ context.Context, _ actuator.Target, _ actuator.Scale, n int32) (actuator.Scale, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	d.observed.Scale.Replicas, d.observed.Ready = n, n
	d.observed.Scale.ResourceVersion = strconv.Itoa(d.writes + 1)
	d.changed(d.observed)
	return d.observed.Scale, nil
}

// written returns the number of counts that were written.
func (d *deployment) written() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

func (d *deployment) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }

// counter is a Store and a Recorder that counts what it is given.
type counter struct {
	mu               sync.Mutex
	statuses, events int
	all              []*v1alpha1.ScaledObjectStatus
}

func (c *counter) Save(_ context.Context, _ Object, s *v1alpha1.ScaledObjectStatus) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses, c.all = c.statuses+1, append(c.all, s)
	return nil
}

func (c *counter) Event(Object, bool, string, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events++
}

// written returns the numbers of statuses and Events so far.
func (c *counter) written() (statuses, events int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statuses, c.events
}

// scaled is a workload under an autoscaler, the loop and a reporter, in a bubble of fake time.
type scaled struct {
	*counter

	t        *testing.T
	target   *deployment
	reporter *Reporter
	running  *autoscaler.Autoscaler
	workload *compile.Workload
	stop     func()
}

// runWorkload runs a workload with a count, whose triggers have a target of 10 and these sources.
func runWorkload(t *testing.T, count int32, status *v1alpha1.ScaledObjectStatus, set func(*scalers.Policy), sources ...triggers.Source) *scaled {
	t.Helper()
	w := &compile.Workload{
		Namespace: "shop", Name: "web", Target: actuator.Target{Namespace: "shop", Kind: "Deployment", Name: "web"},
		Policy: &scalers.Policy{Min: 1, Max: 100, Idle: scalers.NoIdle, Down: scalers.Behavior{Window: 5 * time.Minute}},
	}
	for i := range sources {
		name := string(rune('a' + i))
		w.Triggers = append(w.Triggers, compile.Trigger{Name: name})
		w.Policy.Triggers = append(w.Policy.Triggers, scalers.Trigger{Name: name, Target: 10_000, StaleAfter: 3 * interval})
	}
	if set != nil {
		set(w.Policy)
	}
	s := &scaled{t: t, counter: &counter{}, target: &deployment{}, workload: w}
	s.target.observed = actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: count, ResourceVersion: "1"}, Ready: count}
	s.reporter = New(s.counter, s.counter, NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	s.reporter.Resume(w, status)
	s.running = autoscaler.New(autoscaler.Options{
		Workload: w, Actuator: s.target, Reporter: s.reporter, Now: autoscaler.NewClock(), MayWrite: func() bool { return true },
		Open: func(i int, _ func(error)) (triggers.Source, error) { return sources[i], nil },
	})
	stopped := s.reporter.Running(w, s.running)
	scaling, stopScaling := context.WithCancel(t.Context())
	reporting, stopReporting := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { s.reporter.Run(reporting) })
	s.running.Start(scaling, func() autoscaler.Past { return autoscaler.Past{} }, func(scalers.Memory) { stopReporting() })
	s.stop = func() {
		stopScaling()
		all.Wait()
		stopped()
	}
	return s
}

// hour lets an hour pass, and returns what was written in it.
func (s *scaled) hour() (statuses, events, counts int) { return s.wait(time.Hour) }

// wait lets a time pass, and returns what was written in it.
func (s *scaled) wait(d time.Duration) (statuses, events, counts int) {
	statusesBefore, eventsBefore := s.written()
	countsBefore := s.target.written()
	<-time.After(d)
	synctest.Wait()
	statuses, events = s.written()
	return statuses - statusesBefore, events - eventsBefore, s.target.written() - countsBefore
}

// script is a source whose reading is that of a function of the time since the start.
func script(read func(since time.Duration) (level int64, err error)) triggers.Source {
	began := time.Now()
	return &wobble{next: func(*rand.Rand) (int64, error) { return read(time.Since(began)) }}
}

// lastError returns the newest written error of the first trigger, and lets d pass before.
func (s *scaled) lastError(d time.Duration) string {
	<-time.After(d)
	synctest.Wait()
	return s.last().Triggers[0].LastError
}

func (c *counter) last() *v1alpha1.ScaledObjectStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[len(c.all)-1]
}

// present returns the status that the present outcome has.
func (s *scaled) present() (status *v1alpha1.ScaledObjectStatus) {
	s.running.Inspect(func(o *autoscaler.Outcome) { status = s.reporter.Status(o.Clone()) })
	return status
}
