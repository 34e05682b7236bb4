package workload

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestWorkload(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
	t.Run("each change of the count is an event", testEachChangeOfCountIsEvent)
	t.Run("a mistake names its field", testMistakeNamesItsField)
	t.Run("a trigger without a cluster is not opened", testTriggerWithoutClusterIsNotOpened)
}

// counter is a counter of pods whose counts a test decides; package podcount has the tests against an API server.
type counter struct {
	mu      sync.Mutex
	count   int64
	err     error
	query   triggers.PodQuery
	changes map[int]func(int64, error)
	next    int
}

var errAway = errors.New("the API server is away")

// countPods implements CountPods of triggers.Env.
func (c *counter) countPods(q triggers.PodQuery, changed func(int64, error)) (stop func(), err error) {
	c.mu.Lock()
	c.query = q
	if c.changes == nil {
		c.changes = map[int]func(int64, error){}
	}
	id := c.next
	c.next++
	c.changes[id] = changed
	changed(c.count, c.err)
	c.mu.Unlock()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.changes, id)
	}, nil
}

// set changes the count or the reason why it is unknown.
func (c *counter) set(count int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count, c.err = count, err
	for changed := range maps.Values(c.changes) {
		changed(count, err)
	}
}

func testItConformsToContractOfTriggers(t *testing.T) {
	c := &counter{count: 42}
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: Kind().Example, Env: triggers.Env{CountPods: c.countPods},
		Break: func(testing.TB) { c.set(0, errAway) }, Repair: func(testing.TB) { c.set(42, nil) },
	})
}

func testEachChangeOfCountIsEvent(t *testing.T) {
	config, err := Kind().Decode(map[string]string{"podSelector": " b=2,a=1 ", "value": "0.5", "activationValue": "2", "groupByNode": "true"})
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Trigger(); got.Target != 500 || got.Activation != 2000 || !got.Continuous || got.Exact || got.PerPod {
		t.Errorf("got the trigger %+v, want a continuous one with the target 0.5 and the activation 2", got)
	}
	c := &counter{count: 3}
	source, err := Kind().Open(config, triggers.Env{Namespace: "shop", Trigger: "pods", CountPods: c.countPods})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	events, done := make(chan scalers.Event, 1), make(chan error, 1)
	go func() { done <- source.Run(ctx, func(e scalers.Event) { events <- e }) }()
	for _, want := range []scalers.Milli{3000, 4000, 0} {
		if want != 3000 {
			c.set(int64(want/1000), nil)
		}
		if e := <-events; e.Value != want || e.Err != nil || e.At == 0 || e.Trigger != "pods" {
			t.Errorf("got the event %+v, want %s pods", e, want)
		}
	}
	c.set(0, errAway)
	if e := <-events; !errors.Is(e.Err, errAway) || !strings.Contains(e.Err.Error(), "a=1,b=2") {
		t.Errorf("got the event %+v, want an error that names the selector", e)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v, want %v", err, context.Canceled)
	}
	if want := (triggers.PodQuery{Namespace: "shop", Selector: "a=1,b=2", ByNode: true}); c.query != want {
		t.Errorf("got the query %+v, want %+v", c.query, want)
	}
}

func testMistakeNamesItsField(t *testing.T) {
	for name, c := range map[string]struct{ key, value, problem string }{
		"no selector":       {"podSelector", " ", "is empty"},
		"a bad selector":    {"podSelector", "app in backend", "not a label selector"},
		"no target":         {"value", "0", "above 0"},
		"a negative target": {"value", "-1", "above 0"},
		"a text as target":  {"value", "many", "many"},
		"a bad boolean":     {"groupByNode", "perhaps", "not a boolean"},
	} {
		metadata := map[string]string{"podSelector": "app=backend", "value": "1"}
		metadata[c.key] = c.value
		_, err := Kind().Decode(metadata)
		if mistake, ok := errors.AsType[*triggers.FieldError](err); !ok || mistake.Field != c.key || !strings.Contains(mistake.Problem, c.problem) {
			t.Errorf("%s: got %v, want a mistake in %s about %q", name, err, c.key, c.problem)
		}
	}
}

func testTriggerWithoutClusterIsNotOpened(t *testing.T) {
	config, err := Kind().Decode(Kind().Example)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Kind().Open(config, triggers.Env{}); err == nil {
		t.Error("got a source, want an error")
	}
}
