package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// target is a workload in memory.
type target struct {
	mu       sync.Mutex
	observed actuator.Observation
	changed  func(actuator.Observation)
	version  int
	err      error
}

func (g *target) Follow(_ actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.changed = changed
	changed(g.observed)
	return func() {}, nil
}

func (g *target) Set(_ context.Context, _ actuator.Target, _ actuator.Scale, n int32) (actuator.Scale, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return actuator.Scale{}, g.err
	}
	g.version++
	g.observed.Scale.Replicas, g.observed.Scale.ResourceVersion = n, strconv.Itoa(g.version)
	g.changed(g.observed)
	return g.observed.Scale, nil
}

func (*target) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }

// source is a trigger that emits on demand.
type source struct {
	mu   sync.Mutex
	emit func(scalers.Event)
}

func (s *source) Run(ctx context.Context, emit func(scalers.Event)) error {
	s.mu.Lock()
	s.emit = emit
	s.mu.Unlock()
	<-ctx.Done()
	return ctx.Err()
}

// level emits a level that is read now.
func (s *source) level(level float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 1000)})
}

// fail emits that the level is unknown.
func (s *source) fail(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(scalers.Event{At: scalers.InstantOf(time.Now()), Err: errors.New(reason)})
}

// noStore stores no status.
type noStore struct{}

func (noStore) Save(context.Context, status.Object, *v1alpha1.ScaledObjectStatus) error { return nil }

// env is a view of objects whose autoscalers run, in a bubble of fake time.
type env struct {
	t        *testing.T
	view     *View
	reporter *status.Reporter
}

// object is one object of an env.
type object struct {
	of     status.Object
	source source
	target target
	stop   func()
}

// in runs a test in an env.
func in(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &env{t: t, reporter: status.New(noStore{}, status.Silent{}, status.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))}
		e.view = New(e.reporter, nil, time.Now)
		e.reporter.Observe(e.view)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			e.reporter.Run(ctx)
			close(ended)
		}()
		test(t, e)
		cancel()
		<-ended
	})
}

// run adds an object in namespace shop with 1 to 10 replicas, one for each 100 of its level, and runs its autoscaler.
func (e *env) run(name string) *object {
	e.t.Helper()
	o := &object{of: status.Object{Namespace: "shop", Name: name, UID: "uid-of-" + name}}
	o.target.observed = actuator.Observation{Scale: actuator.Scale{UID: "u", Replicas: 1, ResourceVersion: "1"}, Ready: 1}
	w := &compile.Workload{
		Namespace: o.of.Namespace, Name: name, UID: types.UID("uid-of-" + name), Generation: 1,
		Target:   actuator.Target{Namespace: o.of.Namespace, Kind: "Deployment", Name: name},
		Policy:   &scalers.Policy{Min: 1, Max: 10, Idle: scalers.NoIdle, Triggers: []scalers.Trigger{{Name: "rps", Target: 100_000, StaleAfter: time.Minute}}},
		Triggers: []compile.Trigger{{Name: "rps", Kind: triggers.Kind{Name: "prometheus"}, PollingInterval: 5 * time.Second}},
	}
	e.view.Add(o.of)
	e.reporter.Resume(w, &v1alpha1.ScaledObjectStatus{})
	reporter, _ := e.view.Follow(o.of, e.reporter, e.reporter.Shadow())
	a := autoscaler.New(autoscaler.Options{
		Workload: w, Actuator: &o.target, Reporter: reporter, Now: time.Now, MayWrite: func() bool { return true },
		Open: func(int, func(error)) (triggers.Source, error) { return &o.source, nil },
	})
	e.view.SetOwner(o.of, a)
	ctx, cancel := context.WithCancel(e.t.Context())
	ended := make(chan struct{})
	a.Start(ctx, func() autoscaler.Past { return autoscaler.Past{} }, func(scalers.Memory) { close(ended) })
	o.stop = func() {
		e.view.SetOwner(o.of, nil)
		cancel()
		<-ended
	}
	synctest.Wait()
	return o
}

// read returns an object as a reader gets it.
func (e *env) read(name string) Object {
	e.t.Helper()
	text, err := e.view.Object("shop", name)
	if err != nil {
		e.t.Fatal(err)
	}
	return decode[Object](e.t, text)
}

// decode decodes JSON.
func decode[T any](t *testing.T, text []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

// event is an event of a stream.
type event struct {
	at   time.Duration
	name string
	data []byte
}

// watch collects the events of a stream for a while of fake time.
func watch(t *testing.T, d time.Duration, watch func(context.Context, Send) error, meanwhile func()) (all []event, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	began := time.Now()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = watch(ctx, func(name string, data []byte) error {
			all = append(all, event{time.Since(began), name, append([]byte(nil), data...)})
			return nil
		})
	}()
	synctest.Wait()
	if meanwhile != nil {
		meanwhile()
	}
	<-ended
	return all, err
}

// names returns the names of events, with the number of those that repeat.
func names(all []event) string {
	var text strings.Builder
	for i := 0; i < len(all); {
		n := i
		for n < len(all) && all[n].name == all[i].name {
			n++
		}
		fmt.Fprintf(&text, "%s×%d ", all[i].name, n-i)
		i = n
	}
	return text.String()
}

// pass lets time pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func identity(namespace, name string) status.Object {
	return status.Object{Namespace: namespace, Name: name, UID: name}
}
