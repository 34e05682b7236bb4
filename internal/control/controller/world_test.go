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

// targets are workloads in memory, by name.
type targets struct {
	mu sync.Mutex
	// takes is how long a write takes.
	takes   time.Duration
	version int
	of      map[string]*target
	// err is the answer to every write, unless it is nil.
	err error
}

// refuse makes every write fail from now on; nil lets them succeed again.
func (t *targets) refuse(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

// tell lets whoever watches a target see it so, from now on.
func (t *targets) tell(name string, seen actuator.Observation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.at(name)
	one.seen = seen
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
	// seen is what is observed beside its count: a foreign HPA, an error.
	seen actuator.Observation
}

// observation is what a watcher is told.
func (t *target) observation(name string) actuator.Observation {
	seen := t.seen
	seen.Scale, seen.Ready = t.scale(name), t.replicas
	return seen
}

// at returns a target; one that nobody has touched has one replica. t.mu is held.
func (t *targets) at(name string) *target {
	if t.of[name] == nil {
		t.of[name] = &target{replicas: 1, changed: map[int]func(actuator.Observation){}}
	}
	return t.of[name]
}

func (t *target) scale(name string) actuator.Scale {
	return actuator.Scale{UID: types.UID("target-" + name), Replicas: t.replicas, ResourceVersion: strconv.Itoa(t.version + 1)}
}

func (t *targets) Watch(ctx context.Context, of actuator.Target, _ actuator.WatchOptions, changed func(actuator.Observation)) error {
	t.mu.Lock()
	t.version++
	id, one := t.version, t.at(of.Name)
	one.changed[id] = changed
	changed(one.observation(of.Name))
	t.mu.Unlock()
	<-ctx.Done()
	t.mu.Lock()
	delete(one.changed, id)
	t.mu.Unlock()
	return ctx.Err()
}

func (t *targets) Pods(string, string) ([]actuator.Pod, error) { return nil, nil }

func (t *targets) Set(_ context.Context, of actuator.Target, seen actuator.Scale, n int32) (actuator.Scale, error) {
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
	if seen.Replicas != one.replicas {
		return actuator.Scale{}, actuator.ErrConflict
	}
	one.replicas, one.version, one.writes = n, one.version+1, one.writes+1
	for _, changed := range one.changed {
		changed(one.observation(of.Name))
	}
	return one.scale(of.Name), nil
}

// dials are the sources of the tests' kind of trigger: each stands at the level that the test gave it.
type dials struct {
	mu    sync.Mutex
	level map[string]int64
	emit  map[string]map[int]func(scalers.Event)
	// opened and open count the sources of a dial: ever, and now.
	opened, open map[string]int
}

// dialConfig is the metadata of a dial.
type dialConfig struct {
	Dial string `json:"dial" required:"true" doc:"Which one."`
}

func (dialConfig) Validate() error { return nil }

func (dialConfig) Trigger() scalers.Trigger {
	return scalers.Trigger{Target: 1000, Exact: true, Continuous: true}
}

func (d *dials) kind() triggers.Kind {
	return triggers.Define("dial", "A level that a test sets.", dialConfig{}, func(c dialConfig, _ triggers.Env) (triggers.Source, error) {
		return &dial{d, c.Dial}, nil
	})
}

// set turns a dial.
func (d *dials) set(name string, level int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.level[name] = level
	for _, emit := range d.emit[name] {
		emit(eventOf(level))
	}
}

func eventOf(level int64) scalers.Event {
	return scalers.Event{At: scalers.InstantOf(time.Now()), Value: scalers.Milli(level * 1000)}
}

type dial struct {
	all  *dials
	name string
}

// Run tells the level until ctx is done.
func (s *dial) Run(ctx context.Context, emit func(scalers.Event)) error {
	d := s.all
	d.mu.Lock()
	d.opened[s.name]++
	d.open[s.name]++
	id := d.opened[s.name]
	if d.emit[s.name] == nil {
		d.emit[s.name] = map[int]func(scalers.Event){}
	}
	d.emit[s.name][id] = emit
	emit(eventOf(d.level[s.name]))
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.emit[s.name], id)
	d.open[s.name]--
	return ctx.Err()
}

// store is a report.Store in memory, and hands on what it keeps when there is somewhere to.
type store struct {
	mu   sync.Mutex
	last map[string]*v1alpha1.ScaledObjectStatus
	to   status.Store
	// err is the answer to every status, unless it is nil.
	err error
}

// fail makes every status fail from now on; nil lets them be saved again.
func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Save keeps a status.
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

// world is a controller and all that is around it, in a bubble of fake time.
type world struct {
	t          *testing.T
	ctx        context.Context //nolint:containedctx // That of the term, which ends in the middle of a test.
	end        context.CancelFunc
	targets    *targets
	dials      *dials
	store      *store
	reporter   *status.Reporter
	controller *Controller
	reporting  sync.WaitGroup
	// finalizers are where objects are kept; nil where nothing keeps them.
	finalizers *finalizers
	silence    context.CancelFunc
}

// in runs a test with a controller without objects.
func in(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			t: t, targets: &targets{of: map[string]*target{}}, store: &store{last: map[string]*v1alpha1.ScaledObjectStatus{}},
			dials: &dials{level: map[string]int64{}, emit: map[string]map[int]func(scalers.Event){}, opened: map[string]int{}, open: map[string]int{}},
		}
		w.begin(nil)
		test(t, w)
		w.stop()
	})
}

// begin begins a term with what an earlier one has left.
func (w *world) begin(legacy map[string]Handover) {
	w.ctx, w.end = context.WithCancel(w.t.Context())
	w.reporter = status.New(w.store, status.Silent{}, status.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	telling, silence := context.WithCancel(w.t.Context())
	w.silence = silence
	w.reporting.Go(func() { w.reporter.Run(telling) })
	var keeper FinalizerStore
	if w.finalizers != nil {
		keeper = w.finalizers
	}
	w.controller = New(Options{
		Finalizers: keeper,
		Kinds:      []triggers.Kind{w.dials.kind()}, Settings: compile.DefaultSettings(), Env: triggers.Env{Now: autoscaler.NewClock()}, Actuator: w.targets, Reporter: w.reporter,
		MayWrite: func() bool { return true }, WhileLeading: leading,
	}, legacy)
}

// leading calls write as while this process leads.
func leading(ctx context.Context, write func(context.Context) error) error { return write(ctx) }

// stop ends the term, and returns what it has left.
func (w *world) stop() map[string]Handover {
	w.end()
	legacy := w.controller.Wait()
	w.silence()
	w.reporting.Wait()
	return legacy
}

// object is a ScaledObject of 1 to 10 replicas, one for each unit of the dial of its own name, on the Deployment of that
// name. Its down window is closed: levels are followed at once.
func object(name string) *v1alpha1.ScaledObject {
	so := &v1alpha1.ScaledObject{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID("uid-" + name), Generation: 1, CreationTimestamp: metav1.Now(),
	}}
	so.Spec.ScaleTargetRef.Name = name
	so.Spec.MinReplicaCount, so.Spec.MaxReplicaCount, so.Spec.CooldownPeriod = new(int32(1)), new(int32(10)), new(int32(0))
	so.Spec.Triggers = []v1alpha1.Trigger{{Type: "dial", Metadata: map[string]v1alpha1.Scalar{"dial": v1alpha1.Scalar(name)}}}
	compile.Default(so)
	return so
}

// on makes an object scale another target.
func on(so *v1alpha1.ScaledObject, name string) *v1alpha1.ScaledObject {
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

// apply hands objects to the controller, one after the other, and lets everything come to rest.
func (w *world) apply(objects ...*v1alpha1.ScaledObject) {
	w.t.Helper()
	for _, so := range objects {
		w.controller.Apply(w.ctx, so)
	}
	w.settle()
}

func (w *world) remove(name string) {
	w.t.Helper()
	w.controller.Delete(w.ctx, "shop/"+name)
	w.settle()
}

// turn sets a dial and lets everything come to rest.
func (w *world) turn(name string, level int64) {
	w.t.Helper()
	w.dials.set(name, level)
	w.settle()
}

// settle waits longer than a status takes to be written.
func (w *world) settle() {
	w.t.Helper()
	pass(3 * time.Second)
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// want fails when a target does not have n replicas.
func (w *world) want(name string, n int32) {
	w.t.Helper()
	w.targets.mu.Lock()
	defer w.targets.mu.Unlock()
	if got := w.targets.at(name).replicas; got != n {
		w.t.Fatalf("%s has %d replicas, want %d", name, got, n)
	}
}

// ready fails when an object's condition Ready is another one.
func (w *world) ready(name, reason string) {
	w.t.Helper()
	if got, message := w.condition(name); got != reason {
		w.t.Fatalf("%s is %s (%s), want %s", name, got, message, reason)
	}
}

func (w *world) condition(name string) (reason, message string) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.store.last[name] == nil {
		return "without a status", ""
	}
	for _, c := range w.store.last[name].Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Reason, c.Message
		}
	}
	return "without a condition", ""
}

// sources fails when a dial has not been opened so many times, or is open in another number of pipelines.
func (w *world) sources(name string, opened, open int) {
	w.t.Helper()
	w.dials.mu.Lock()
	defer w.dials.mu.Unlock()
	if w.dials.opened[name] != opened || w.dials.open[name] != open {
		w.t.Fatalf("dial %s was opened %d times and is open in %d pipelines, want %d and %d",
			name, w.dials.opened[name], w.dials.open[name], opened, open)
	}
}
