package autoscaler

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/internal/policy/loop"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// What the decision loop promises of its pacing.
const (
	firstDecisionTimeout         = time.Second
	writesPerSecond, writesBurst = 5, 10
	firstRaise, longestRaise     = 100 * time.Millisecond, 10 * time.Second
	longestLower                 = 30 * time.Second
	notLeadingPause              = time.Second
	conflictPause                = time.Second
	contestedSpan                = time.Minute
	raiseAnswer                  = 5 * time.Second
)

// target is a workload in memory that fails as it is told to.
type target struct {
	mu      sync.Mutex
	seen    actuator.Observation
	version int
	changed func(actuator.Observation)
	// fail, when set, is asked before each write; afterwards when lost is set: the write lands, but its answer does not.
	fail func(n int32) error
	lost bool
	// admit, when set, is what admission makes of a count.
	admit func(n int32) int32
	// takes is how long a write takes, and answers how long its answer then takes.
	takes, answers time.Duration
	// writes are the counts that were asked for, and when.
	writes []write
	busy   bool
	// podsFollow: each pod is ready at once, and gone at once.
	podsFollow bool
}

type write struct {
	at       time.Time
	from, to int32
	ok       bool
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
	if t.busy {
		panic("two writes at once")
	}
	t.busy = true
	t.wait(t.takes)
	w := write{at: time.Now(), from: seen.Replicas, to: n}
	err := t.refuse(seen, n)
	if err == nil || t.lost {
		w.ok = true
		if t.admit != nil {
			n = t.admit(n)
		}
		if n != w.to {
			err = fmt.Errorf("write: %w from %d to %d", actuator.ErrAltered, w.to, n)
		}
		if n != t.seen.Scale.Replicas {
			t.seen.Scale.Replicas = n
			t.tell()
		}
	}
	t.writes = append(t.writes, w)
	stored := t.seen.Scale
	t.wait(t.answers)
	t.busy = false
	return stored, err
}

// wait lets time pass; t.mu is held, but not meanwhile.
func (t *target) wait(d time.Duration) {
	if d > 0 {
		t.mu.Unlock()
		<-time.After(d)
		t.mu.Lock()
	}
}

func (t *target) refuse(seen actuator.Scale, n int32) error {
	if t.fail != nil {
		if err := t.fail(n); err != nil {
			return err
		}
	}
	if seen.UID != t.seen.Scale.UID || seen.Replicas != t.seen.Scale.Replicas {
		return actuator.ErrConflict
	}
	return nil
}

// tell tells the watcher; t.mu is held.
func (t *target) tell() {
	if t.podsFollow {
		t.seen.Ready = t.seen.Scale.Replicas
	}
	t.version++
	t.seen.Scale.ResourceVersion = strconv.Itoa(t.version)
	if t.changed != nil {
		t.changed(t.seen)
	}
}

// change is another hand's.
func (t *target) change(f func(o *actuator.Observation)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.seen)
	t.tell()
}

// by is another hand's write of the count.
func (t *target) by(n int32) { t.change(func(o *actuator.Observation) { o.Scale.Replicas = n }) }

func (t *target) breaks(f func(n int32) error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = f
}

// caps makes admission let through no more than n replicas; 0: any number.
func (t *target) caps(n int32) {
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
	return t.seen.Scale.Replicas
}

func (t *target) written() []write {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]write(nil), t.writes...)
}

// source is a trigger that says what it is told to.
type source struct {
	mu   sync.Mutex
	emit func(scalers.Event)
	end  chan error
	runs int
}

func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	s.mu.Lock()
	s.emit, s.runs = emit, s.runs+1
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-s.end:
		return err
	}
}

// says emits a level that was read just now.
func (s *source) says(level int64) {
	s.send(scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 1000)})
}

func (s *source) fails(reason string) {
	s.send(scalers.Event{At: scalers.InstantOf(time.Now()), Err: errors.New(reason)})
}

func (s *source) send(e scalers.Event) {
	s.mu.Lock()
	emit := s.emit
	s.mu.Unlock()
	emit(e)
}

// journal remembers what was reported.
type journal struct {
	mu        sync.Mutex
	decisions int
	last      Outcome
	decision  scalers.Decision
	writes    []loop.EndedWrite
}

func (j *journal) Decided(o *Outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if o.Fresh {
		j.decisions++
	}
	if o.Write != nil {
		j.writes = append(j.writes, *o.Write)
	}
	j.last, j.decision = *o, *o.Decision
}

func (j *journal) decided() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.decisions
}

// wrote are the writes that have ended.
func (j *journal) wrote() []loop.EndedWrite {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]loop.EndedWrite(nil), j.writes...)
}

func (j *journal) now() Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// world is a pipeline and all that is around it, in a bubble of fake time.
type env struct {
	t       *testing.T
	target  *target
	sources []*source
	journal *journal
	leading atomic.Bool
	spec    *compile.Workload
	pipe    *Autoscaler
	stop    func() scalers.Memory
}

// newEnv has a workload of 1 to 10 replicas, one for each unit of the level of n pushed triggers.
func newEnv(t *testing.T, n int, replicas int32) *env {
	t.Helper()
	w := &env{t: t, target: &target{version: 1}, journal: &journal{}}
	w.leading.Store(true)
	w.target.seen = actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: replicas, ResourceVersion: "1"}, Ready: replicas}
	w.spec = &compile.Workload{Namespace: "shop", Name: "web", Policy: &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle}}
	for i := range n {
		name := fmt.Sprint("t", i)
		w.spec.Triggers = append(w.spec.Triggers, compile.Trigger{Name: name})
		w.spec.Policy.Triggers = append(w.spec.Policy.Triggers, scalers.Trigger{Name: name, Target: 1000, Exact: true, Continuous: true})
		w.sources = append(w.sources, &source{end: make(chan error)})
	}
	return w
}

// start runs a pipeline with what an earlier one remembered.
func (w *env) start(m scalers.Memory) { w.resume(Past{Memory: m}) }

// resume is start with what may be missing of it.
func (w *env) resume(past Past) {
	w.t.Helper()
	w.pipe = New(Options{
		Workload: w.spec, Actuator: w.target, Reporter: w.journal, Now: NewClock(),
		Open:     func(i int) (triggers.Source, error) { return w.sources[i], nil },
		MayWrite: func() bool { return w.leading.Load() },
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	end := make(chan scalers.Memory, 1)
	go func() { end <- w.pipe.Run(ctx, past) }()
	w.stop = func() scalers.Memory {
		cancel()
		return <-end
	}
	synctest.Wait()
}

// want fails when the target does not have n replicas once everything has come to rest.
func (w *env) want(n int32) {
	w.t.Helper()
	synctest.Wait()
	if got := w.target.count(); got != n {
		w.t.Fatalf("the target has %d replicas, want %d", got, n)
	}
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// in runs a test with a started world of n triggers.
func in(t *testing.T, n int, replicas int32, test func(t *testing.T, w *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newEnv(t, n, replicas)
		w.start(scalers.Memory{})
		test(t, w)
		w.stop()
	})
}
