package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/kube/writes"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// The pacing that the decision loop promises.
const (
	firstDecisionTimeout         = time.Second
	writesPerSecond, writesBurst = 5, 10
	firstRaise, longestRaise     = 100 * time.Millisecond, 10 * time.Second
	longestLower                 = 30 * time.Second
	notLeadingPause              = time.Second
	conflictPause                = time.Second
	contestedSpan                = time.Minute
	longestContestedRaise        = 5 * time.Second
)

// target is a workload in memory, whose writes fail on demand.
type target struct {
	mu       sync.Mutex
	observed actuator.Observation
	version  int
	changed  func(actuator.Observation)
	// fail, when set, returns the error of a write. With lost, the write is applied nevertheless.
	fail func(n int32) error
	lost bool
	// admit, when set, returns the count that admission stores instead.
	admit func(n int32) int32
	// latency is the time until a write is applied, answerLatency the time from then to its result.
	latency, answerLatency time.Duration
	// writes are the writes that were tried.
	writes []write
	busy   bool
	// podsFollow: each pod is ready at once, and gone at once.
	podsFollow bool
	// silent: there is no first observation.
	silent bool
}

type write struct {
	at       time.Time
	from, to int32
	ok       bool
}

func (t *target) Follow(_ actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changed = changed
	if !t.silent {
		changed(t.observed)
	}
	return func() {}, nil
}

func (t *target) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }

func (t *target) Set(_ context.Context, _ actuator.Target, observed actuator.Scale, n int32) (actuator.Scale, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy {
		panic("two writes at once")
	}
	t.busy = true
	t.wait(t.latency)
	w := write{at: time.Now(), from: observed.Replicas, to: n}
	err := t.refuse(observed, n)
	if err == nil || t.lost {
		w.ok = true
		if t.admit != nil {
			n = t.admit(n)
		}
		if n != w.to {
			err = fmt.Errorf("write: %w from %d to %d", actuator.ErrAltered, w.to, n)
		}
		if n != t.observed.Scale.Replicas {
			t.observed.Scale.Replicas = n
			t.notify()
		}
	}
	t.writes = append(t.writes, w)
	stored := t.observed.Scale
	t.wait(t.answerLatency)
	t.busy = false
	return stored, err
}

// wait lets time pass. The caller holds t.mu; it is released meanwhile.
func (t *target) wait(d time.Duration) {
	if d > 0 {
		t.mu.Unlock()
		<-time.After(d)
		t.mu.Lock()
	}
}

func (t *target) refuse(observed actuator.Scale, n int32) error {
	if t.fail != nil {
		if err := t.fail(n); err != nil {
			return err
		}
	}
	if observed.UID != t.observed.Scale.UID || observed.Replicas != t.observed.Scale.Replicas {
		return actuator.ErrConflict
	}
	return nil
}

// notify passes the target to its watcher. The caller holds t.mu.
func (t *target) notify() {
	if t.podsFollow {
		t.observed.Ready = t.observed.Scale.Replicas
	}
	t.version++
	t.observed.Scale.ResourceVersion = strconv.Itoa(t.version)
	if t.changed != nil {
		t.changed(t.observed)
	}
}

// change changes the target as another client would.
func (t *target) change(f func(o *actuator.Observation)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.observed)
	t.notify()
}

// writeForeign writes the count as another client would.
func (t *target) writeForeign(n int32) {
	t.change(func(o *actuator.Observation) { o.Scale.Replicas = n })
}

func (t *target) failWith(f func(n int32) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = f
}

// admitAtMost makes admission lower higher counts to n; 0: it allows any count.
func (t *target) admitAtMost(n int32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.admit = nil
	if n > 0 {
		t.admit = func(asked int32) int32 { return min(asked, n) }
	}
}

func (t *target) count() int32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.observed.Scale.Replicas
}

func (t *target) written() []write {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]write(nil), t.writes...)
}

// source is a trigger that emits on demand.
type source struct {
	mu   sync.Mutex
	emit func(scalers.Event)
	end  chan error
	runs int
	// unopened is the error of opening it.
	unopened error
	// slow is how long it takes to end.
	slow time.Duration
}

func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	s.mu.Lock()
	s.emit, s.runs = emit, s.runs+1
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		<-time.After(s.slow)
		return ctx.Err()
	case err := <-s.end:
		return err
	}
}

// emitLevel sends a level that is read now.
func (s *source) emitLevel(level int64) {
	s.send(scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 1000)})
}

func (s *source) emitError(reason string) {
	s.send(scalers.Event{At: scalers.InstantOf(time.Now()), Err: errors.New(reason)})
}

func (s *source) send(e scalers.Event) {
	s.mu.Lock()
	emit := s.emit
	s.mu.Unlock()
	emit(e)
}

// journal stores the outcomes that were reported.
type journal struct {
	mu        sync.Mutex
	decisions int
	steps     int
	last      Outcome
	decision  scalers.Decision
	writes    []loop.EndedWrite
}

func (j *journal) Decided(o *Outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.steps++
	if o.Fresh {
		j.decisions++
	}
	if o.Write != nil {
		j.writes = append(j.writes, *o.Write)
	}
	j.last, j.decision = *o, *o.Decision
	j.last.Events = slices.Clone(o.Events) // They belong to the autoscaler.
}

func (j *journal) decisionCount() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.decisions
}

// stepCount returns the number of calls of loop.Step.
func (j *journal) stepCount() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.steps
}

// ended returns the writes that have ended.
func (j *journal) ended() []loop.EndedWrite {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]loop.EndedWrite(nil), j.writes...)
}

func (j *journal) latest() Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// env is an autoscaler with its target and sources, in a bubble of fake time.
type env struct {
	t       *testing.T
	target  *target
	sources []*source
	journal *journal
	leading atomic.Bool
	guard   Guard
	turns   *writes.Turns
	// open opens the sources instead, if it is set.
	open func(i int) (triggers.Source, error)
	// panicked is what Open got last, for the first trigger. panics are those that were reported.
	panicked   func(error)
	panics     []string
	tracer     trace.Tracer
	workload   *compile.Workload
	autoscaler *Autoscaler
	stop       func() scalers.Memory
}

// newEnv returns an env with a workload of 1 to 10 replicas, one for each unit of the level of n pushed triggers.
func newEnv(t *testing.T, n int, replicas int32) *env {
	t.Helper()
	e := &env{t: t, target: &target{version: 1}, journal: &journal{}}
	e.leading.Store(true)
	e.target.observed = actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: replicas, ResourceVersion: "1"}, Ready: replicas}
	e.workload = &compile.Workload{Namespace: "shop", Name: "web", Policy: &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle}}
	for i := range n {
		name := fmt.Sprint("t", i)
		e.workload.Triggers = append(e.workload.Triggers, compile.Trigger{Name: name})
		e.workload.Policy.Triggers = append(e.workload.Policy.Triggers, scalers.Trigger{Name: name, Target: 1000, Exact: true, Continuous: true})
		e.sources = append(e.sources, &source{end: make(chan error)})
	}
	return e
}

// start runs an autoscaler with a memory.
func (e *env) start(m scalers.Memory) { e.resume(Past{Memory: m}) }

// resume runs an autoscaler with a past.
func (e *env) resume(past Past) {
	e.t.Helper()
	open := e.open
	if open == nil {
		open = func(i int) (triggers.Source, error) { return e.sources[i], e.sources[i].unopened }
	}
	e.autoscaler = New(Options{
		Workload: e.workload, Actuator: e.target, Reporter: e.journal, Now: NewClock(),
		Open: func(i int, panicked func(error)) (triggers.Source, error) {
			if i == 0 {
				e.panicked = panicked
			}
			return open(i)
		},
		Panicked: func(trigger string, p *triggers.PanicError) {
			if !strings.Contains(string(p.Stack), "_test.go") {
				e.t.Errorf("the stack of a panic has no line of the source:\n%s", p.Stack)
			}
			e.panics = append(e.panics, trigger+": "+p.Error())
		},
		MayWrite: func() bool { return e.leading.Load() }, Guard: e.guard, Turns: e.turns, Tracer: e.tracer,
	})
	ctx, cancel := context.WithCancel(e.t.Context())
	end := make(chan scalers.Memory, 1)
	e.autoscaler.Start(ctx, func() Past { return past }, func(m scalers.Memory) { end <- m })
	e.stop = func() scalers.Memory {
		cancel()
		return <-end
	}
	synctest.Wait()
}

// want waits until every goroutine is blocked, and fails the test unless the target has n replicas.
func (e *env) want(n int32) {
	e.t.Helper()
	synctest.Wait()
	if got := e.target.count(); got != n {
		e.t.Fatalf("the target has %d replicas, want %d", got, n)
	}
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// in runs a test in an env with n triggers whose autoscaler runs.
func in(t *testing.T, n int, replicas int32, test func(t *testing.T, e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, n, replicas)
		e.start(scalers.Memory{})
		test(t, e)
		e.stop()
	})
}
