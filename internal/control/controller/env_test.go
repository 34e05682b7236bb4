package controller

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/autoscaler"
	"github.com/impulse-sh/impulse/internal/control/status"
	"github.com/impulse-sh/impulse/internal/policy/compile"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// targets is an actuator with targets in memory, by name.
type targets struct {
	mu sync.Mutex
	// takes is the duration of a write.
	takes   time.Duration
	version int
	of      map[string]*target
	// err is the result of every write, unless it is nil.
	err error
}

// refuse makes every write fail; nil makes them succeed again.
func (t *targets) refuse(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

// notify changes what watches of a target observe, beside its count.
func (t *targets) notify(name string, observed actuator.Observation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.at(name)
	one.observed = observed
	for _, changed := range one.changed {
		changed(one.observation(name))
	}
}

type target struct {
	replicas int32
	version  int
	writes   int
	busy     bool
	changed  map[int]func(actuator.Observation)
	// observed is the observation without the count: a foreign HPA, an error.
	observed actuator.Observation
}

// observation returns what a watch observes.
func (t *target) observation(name string) actuator.Observation {
	observed := t.observed
	observed.Scale, observed.Ready = t.scale(name), t.replicas
	return observed
}

// at returns a target, which has one replica at first. The caller must hold t.mu.
func (t *targets) at(name string) *target {
	if t.of[name] == nil {
		t.of[name] = &target{replicas: 1, changed: map[int]func(actuator.Observation){}}
	}
	return t.of[name]
}

func (t *target) scale(name string) actuator.Scale {
	return actuator.Scale{UID: types.UID("target-" + name), Replicas: t.replicas, ResourceVersion: strconv.Itoa(t.version + 1)}
}

func (t *targets) Follow(of actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) (stop func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.version++
	id, one := t.version, t.at(of.Name)
	one.changed[id] = changed
	changed(one.observation(of.Name))
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(one.changed, id)
	}, nil
}

func (t *targets) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }

func (t *targets) Set(_ context.Context, of actuator.Target, observed actuator.Scale, n int32) (actuator.Scale, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.at(of.Name)
	if one.busy {
		panic("two writes at once on " + of.Name)
	}
	one.busy = true
	t.mu.Unlock()
	<-time.After(t.takes)
	t.mu.Lock()
	one.busy = false
	if t.err != nil {
		return actuator.Scale{}, t.err
	}
	if observed.Replicas != one.replicas {
		return actuator.Scale{}, actuator.ErrConflict
	}
	one.replicas, one.version, one.writes = n, one.version+1, one.writes+1
	for _, changed := range one.changed {
		changed(one.observation(of.Name))
	}
	return one.scale(of.Name), nil
}

// fakes are the sources of the trigger kind fake, whose levels a test sets by name.
type fakes struct {
	mu    sync.Mutex
	level map[string]int64
	emit  map[string]map[int]func(scalers.Event)
	// opened counts the sources of a level that were ever opened, and open those that run.
	opened, open map[string]int
}

// fakeConfig is the metadata of the kind fake.
type fakeConfig struct {
	Level string `json:"level" required:"true" doc:"Name of the level."`
}

func (fakeConfig) Validate() error { return nil }

func (fakeConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
}

func (f *fakes) kind() triggers.Kind {
	return triggers.Define("fake", "A level that a test sets.", fakeConfig{}, func(c fakeConfig, _ triggers.Env) (triggers.Source, error) {
		return &fake{f, c.Level}, nil
	})
}

// set sets the level of a name.
func (f *fakes) set(name string, level int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.level[name] = level
	for _, emit := range f.emit[name] {
		emit(eventOf(level))
	}
}

func eventOf(level int64) scalers.Event {
	return scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 1000)}
}

type fake struct {
	all  *fakes
	name string
}

// Run emits the level until ctx is done.
func (s *fake) Run(ctx context.Context, emit func(scalers.Event)) error {
	f := s.all
	f.mu.Lock()
	f.opened[s.name]++
	f.open[s.name]++
	id := f.opened[s.name]
	if f.emit[s.name] == nil {
		f.emit[s.name] = map[int]func(scalers.Event){}
	}
	f.emit[s.name][id] = emit
	emit(eventOf(f.level[s.name]))
	f.mu.Unlock()
	<-ctx.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.emit[s.name], id)
	f.open[s.name]--
	return ctx.Err()
}

// store is a status.Store in memory. It also saves to another store, if there is one.
type store struct {
	mu   sync.Mutex
	last map[string]*v1alpha1.ScaledObjectStatus
	to   status.Store
	// err is the result of every save, unless it is nil.
	err error
}

// fail makes every save fail; nil makes them succeed again.
func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Save implements status.Store.
func (s *store) Save(ctx context.Context, o status.Object, status *v1alpha1.ScaledObjectStatus) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.last[o.Name] = status
	if s.to == nil {
		return nil
	}
	return s.to.Save(ctx, o, status)
}

// env is a controller with targets, triggers and a store in memory, on virtual time.
type env struct {
	t          *testing.T
	ctx        context.Context //nolint:containedctx // It ends with the leadership, in the middle of a test.
	end        context.CancelFunc
	targets    *targets
	fakes      *fakes
	store      *store
	reporter   *status.Reporter
	controller *Controller
	reporting  sync.WaitGroup
	// finalizers is nil for objects that have none, as from files.
	finalizers    *finalizers
	stopReporting context.CancelFunc
}

// in runs a test in an env without objects.
func in(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &env{
			t: t, targets: &targets{of: map[string]*target{}}, store: &store{last: map[string]*v1alpha1.ScaledObjectStatus{}},
			fakes: &fakes{level: map[string]int64{}, emit: map[string]map[int]func(scalers.Event){}, opened: map[string]int{}, open: map[string]int{}},
		}
		e.begin(nil)
		test(t, e)
		e.stop()
	})
}

// begin starts a term of leadership, with the handovers of the term before.
func (e *env) begin(handovers map[string]Handover) {
	e.ctx, e.end = context.WithCancel(e.t.Context())
	e.reporter = status.New(e.store, status.Silent{}, status.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	reporting, stopReporting := context.WithCancel(e.t.Context())
	e.stopReporting = stopReporting
	e.reporting.Go(func() { e.reporter.Run(reporting) })
	var finalizers FinalizerStore
	if e.finalizers != nil {
		finalizers = e.finalizers
	}
	e.controller = New(Options{
		Finalizers: finalizers,
		Kinds:      []triggers.Kind{e.fakes.kind()}, Settings: compile.DefaultSettings(), Env: triggers.Env{Now: autoscaler.NewClock()}, Actuator: e.targets, Reporter: e.reporter,
		MayWrite: func() bool { return true }, Leading: leading,
	}, handovers)
}

// leading returns a context for a write, as the elector does in the process that leads.
func leading(ctx context.Context) (context.Context, context.CancelFunc, error) {
	return ctx, func() {}, nil
}

// stop ends the term of leadership, and returns its handovers.
func (e *env) stop() map[string]Handover {
	e.end()
	handovers := e.controller.Wait()
	e.stopReporting()
	e.reporting.Wait()
	return handovers
}

// object returns a ScaledObject of 1 to 10 replicas, one for each unit of the level of its own name, on the Deployment of that name.
// Its scale-down window is 0: levels are followed at once.
func object(name string) *v1alpha1.ScaledObject {
	so := &v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID("uid-" + name), Generation: 1, CreationTimestamp: metav1.Now(),
	}}
	so.Spec.ScaleTargetRef.Name = name
	so.Spec.MinReplicaCount, so.Spec.MaxReplicaCount, so.Spec.CooldownPeriod = new(int32(1)), new(int32(10)), new(int32(0))
	so.Spec.Triggers = []v1alpha1.Trigger{{Type: "fake", Metadata: map[string]v1alpha1.Scalar{"level": v1alpha1.Scalar(name)}}}
	compile.Default(so)
	return so
}

// withTarget sets the target of an object, and returns the object.
func withTarget(so *v1alpha1.ScaledObject, name string) *v1alpha1.ScaledObject {
	so.Spec.ScaleTargetRef.Name = name
	return so
}

// edit returns the next version of an object.
func edit(so *v1alpha1.ScaledObject, change func(so *v1alpha1.ScaledObject)) *v1alpha1.ScaledObject {
	next := so.DeepCopy()
	next.Generation++
	change(next)
	return next
}

// apply hands objects to the controller, one after the other, and waits for the statuses.
func (e *env) apply(objects ...*v1alpha1.ScaledObject) {
	e.t.Helper()
	for _, so := range objects {
		e.controller.Apply(e.ctx, so)
	}
	e.awaitStatuses()
}

func (e *env) remove(name string) {
	e.t.Helper()
	e.controller.Delete(e.ctx, "shop/"+name)
	e.awaitStatuses()
}

// setLevel sets a level and waits for the statuses.
func (e *env) setLevel(name string, level int64) {
	e.t.Helper()
	e.fakes.set(name, level)
	e.awaitStatuses()
}

// awaitStatuses waits longer than a status takes to be written.
func (e *env) awaitStatuses() {
	e.t.Helper()
	pass(3 * time.Second)
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// want fails the test unless a target has n replicas.
func (e *env) want(name string, n int32) {
	e.t.Helper()
	e.targets.mu.Lock()
	defer e.targets.mu.Unlock()
	if got := e.targets.at(name).replicas; got != n {
		e.t.Fatalf("%s has %d replicas, want %d", name, got, n)
	}
}

// expectReady fails the test unless an object's condition Ready has a reason.
func (e *env) expectReady(name, reason string) {
	e.t.Helper()
	if got, message := e.readyCondition(name); got != reason {
		e.t.Fatalf("%s is %s (%s), want %s", name, got, message, reason)
	}
}

// readyCondition returns the reason and the message of an object's condition Ready.
func (e *env) readyCondition(name string) (reason, message string) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	if e.store.last[name] == nil {
		return "without a status", ""
	}
	for _, c := range e.store.last[name].Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason, c.Message
		}
	}
	return "without a condition", ""
}

// expectSources fails the test unless this many sources of a level have been opened, and this many run.
func (e *env) expectSources(name string, opened, open int) {
	e.t.Helper()
	e.fakes.mu.Lock()
	defer e.fakes.mu.Unlock()
	if e.fakes.opened[name] != opened || e.fakes.open[name] != open {
		e.t.Fatalf("level %s: %d sources were opened and %d run, want %d and %d",
			name, e.fakes.opened[name], e.fakes.open[name], opened, open)
	}
}
