package webhook

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestWebhook(t *testing.T) {
	t.Run("it conforms to the contract of triggers", testItConformsToContractOfTriggers)
	t.Run("a hook without a call is unknown, not zero", testHookWithoutCallIsUnknownNotZero)
	t.Run("keys have levels of their own", testKeysHaveLevelsOfTheirOwn)
	t.Run("without a key, off is a level of zero", testWithoutKeyOffIsLevelOfZero)
	t.Run("one message may set several levels", testOneMessageMaySetSeveralLevels)
	t.Run("lost records are not zero", testLostRecordsAreNotZero)
	t.Run("an invalid message changes nothing", testInvalidMessageChangesNothing)
}

func testItConformsToContractOfTriggers(t *testing.T) {
	d := &triggertest.Endpoints{}
	triggertest.Conform(t, Kind(), triggertest.Fixture{
		Metadata: map[string]string{"hook": "jobs", "key": "body.name", "threshold": "5"},
		Env:      triggers.Env{Alerts: d, Endpoints: d},
		Break:    func(testing.TB) { d.SetLost(errors.New("the recorded alerts are not loaded yet")) },
		Repair:   func(testing.TB) { d.SetLost(nil) },
	})
}

// source is a running trigger.
type source struct {
	*triggertest.Endpoints

	t    *testing.T
	mu   sync.Mutex
	last scalers.Event
}

// run runs a trigger until the test ends.
func run(t *testing.T, metadata map[string]string, env triggers.Env) *source {
	t.Helper()
	w := &source{Endpoints: &triggertest.Endpoints{}, t: t}
	env.Namespace, env.Object, env.Trigger, env.Alerts, env.Endpoints, env.Now = "shop", "checkout", "jobs", w.Endpoints, w.Endpoints, time.Now
	c, err := Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Kind().Open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done, began := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(done)
		_ = s.Run(ctx, func(e scalers.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.last = e
			once.Do(func() { close(began) })
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	<-began
	return w
}

// lastLevel returns the last event as text.
func (w *source) lastLevel() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last.Err != nil {
		return "unknown: " + w.last.Err.Error()
	}
	return w.last.Value.String()
}

// send posts a body, and expects a level.
func (w *source) send(body, want string, headers ...string) {
	w.t.Helper()
	if _, err := w.Send(w.t.Context(), triggertest.MessageOf(w.t, body, headers...)); err != nil {
		w.t.Errorf("%.200s: %v; want no error", body, err)
	}
	if got := w.lastLevel(); !strings.HasPrefix(got, want) {
		w.t.Errorf("after %.200s: %s, expected %s", body, got, want)
	}
}

// refuse posts a body, and expects it to be refused while the level stands.
func (w *source) refuse(body, why string, headers ...string) {
	w.t.Helper()
	before := w.lastLevel()
	levels, err := w.Send(w.t.Context(), triggertest.MessageOf(w.t, body, headers...))
	if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 500 {
		w.t.Errorf("%.200s: %v, %v; expected one line about %q", body, levels, err, why)
	}
	if after := w.lastLevel(); after != before {
		w.t.Errorf("%.200s is refused, and the level is %s after %s; want %v", body, after, before, before)
	}
}

func testHookWithoutCallIsUnknownNotZero(t *testing.T) {
	w := run(t, map[string]string{"hook": "jobs", "value": "body.jobs", "threshold": "5", "ttl": "1m"}, triggers.Env{})
	w.send(`{"jobs": 12}`, "12")
	w.send(`{"jobs": 0}`, "0")
	w.Expire("")
	if got := w.lastLevel(); !strings.HasPrefix(got, "unknown: hook jobs has not been called for 1m0s") {
		t.Errorf("after its ttl: %s", got)
	}
	if got := run(t, map[string]string{"hook": "jobs", "threshold": "5"}, triggers.Env{}).lastLevel(); got != "unknown: hook jobs has not been called yet" {
		t.Errorf("before the first call: %s; want \"unknown: hook jobs has not been called yet\"", got)
	}
}

func testKeysHaveLevelsOfTheirOwn(t *testing.T) {
	metadata := map[string]string{
		"hook": "jobs", "match": `body.kind == "job"`, "key": "body.name", "while": "body.state != 'done'", "value": "body.size", "at": "body.at", "threshold": "5",
	}
	w := run(t, metadata, triggers.Env{})
	if got := w.lastLevel(); got != "0" {
		t.Errorf("no key: %s; want \"0\"", got)
	}
	w.send(`{"kind":"job","name":"a","state":"queued","size":2,"at":100}`, "2")
	w.send(`{"kind":"job","name":"b","state":"queued","size":1.5,"at":101}`, "3.5")
	w.send(`{"kind":"job","name":"a","state":"running","size":4,"at":102}`, "5.5")
	w.send(`{"kind":"job","name":"a","state":"queued","size":2,"at":100}`, "5.5") // Late.
	w.send(`{"kind":"other"}`, "5.5")
	w.send(`{"kind":"job","name":"a","state":"done","at":103}`, "1.5")
	w.send(`{"kind":"job","name":"a","state":"running","size":4,"at":102}`, "1.5") // Late.
	w.send(`{"kind":"job","name":"b","state":"done","at":104}`, "0")
	for aggregation, want := range map[string]string{"sum": "6", "max": "4", "count": "2"} {
		metadata["aggregation"] = aggregation
		w := run(t, metadata, triggers.Env{})
		w.send(`{"kind":"job","name":"a","state":"queued","size":2,"at":100}`, "")
		w.send(`{"kind":"job","name":"b","state":"queued","size":4,"at":100}`, want)
	}
}

func testWithoutKeyOffIsLevelOfZero(t *testing.T) {
	w := run(t, map[string]string{"hook": "alarm", "while": `body.state == "bad"`, "replicas": "7"}, triggers.Env{})
	w.send(`{"state":"bad"}`, "7")
	w.send(`{"state":"good"}`, "0")
}

func testOneMessageMaySetSeveralLevels(t *testing.T) {
	w := run(t, map[string]string{
		"hook": "batch", "each": "body.jobs", "match": "item.queue == query.queue", "key": "item.id", "value": "item.n", "threshold": "1",
	}, triggers.Env{})
	m := triggertest.MessageOf(t, `{"jobs":[{"id":"a","queue":"x","n":1},{"id":"b","queue":"y","n":2},{"id":"c","queue":"x","n":4}]}`)
	m.Query = map[string][]string{"queue": {"x", "ignored"}}
	if _, err := w.Send(t.Context(), m); err != nil || w.lastLevel() != "5" {
		t.Errorf("got %s, %v; want no error, \"5\"", w.lastLevel(), err)
	}
	m = triggertest.MessageOf(t, `{"jobs":[`+strings.Repeat(`{"id":"a","queue":"x","n":1},`, maxItems)+`{}]}`)
	if _, err := w.Send(t.Context(), m); err == nil || !strings.Contains(err.Error(), "longer than 1000") {
		t.Errorf("a list without end: %v", err)
	}
}

func testLostRecordsAreNotZero(t *testing.T) {
	w := run(t, map[string]string{"hook": "jobs", "key": "body.name", "threshold": "5"}, triggers.Env{})
	w.SetLost(errors.New("the record was lost"))
	if got := w.lastLevel(); got != "unknown: the record was lost" {
		t.Error(got)
	}
}

func testInvalidMessageChangesNothing(t *testing.T) {
	value := func(expression string) *source {
		w := run(t, map[string]string{"hook": "jobs", "value": expression, "threshold": "5"}, triggers.Env{})
		w.send(`{"x":3}`, "3")
		return w
	}
	w := value("body.x")
	w.refuse(`{"y":1}`, "value: no such key: x")
	w.refuse(`{"x":"many"}`, "value: its result is string, expected a number")
	w.refuse(`{"x":null}`, "value: its result is null_type")
	w.refuse(`{"x":true}`, "value: its result is bool")
	w.refuse(`{"x":-1}`, "value: its result -1 is below 0")
	w.refuse(`[]`, "value: ")
	value("double(body.x)").refuse(`{"x":"NaN"}`, "not a finite number")
	value("double(body.x)").refuse(`{"x":"1e999"}`, "value: ")
	value("body.x / (body.x == 0 ? 0 : 1)").refuse(`{"x":0}`, "division by zero")
	costly := value(`type(body.x) == int ? 3 : size(body.x.filter(a, body.x.all(b, a == b)))`)
	costly.refuse(`{"x":[`+strings.Repeat(`"`+strings.Repeat("long", 1000)+`",`, 50)+`""]}`, "value: the evaluation is too costly for this message")
	at := run(t, map[string]string{"hook": "jobs", "at": "body.at", "threshold": "5"}, triggers.Env{})
	at.send(`{"at":"2026-01-01T08:00:00+08:00"}`, "1")
	at.refuse(`{"at":"yesterday"}`, "at: its result \"yesterday\" is not an RFC 3339 time")
	at.refuse(`{"at":1767225600000}`, "divide milliseconds by 1000")
	at.refuse(`{"at":-5}`, "expected Unix seconds")
	at.refuse(`{"at":"1066-10-14T00:00:00Z"}`, "expected a time between 1970 and 9999")
	at.refuse(`{"at":{}}`, "at: its result is map")
	key := run(t, map[string]string{"hook": "jobs", "key": "body.key", "while": "body.on", "match": "body.match", "threshold": "5"}, triggers.Env{})
	key.refuse(`{"match":true,"on":true,"key":12}`, "key: its result is int, expected text (string(")
	key.refuse(`{"match":true,"on":true,"key":""}`, "key: its result is empty")
	key.refuse(`{"match":true,"on":true,"key":"`+strings.Repeat("k", 300)+`"}`, "key: its result is longer than 256")
	key.refuse(`{"match":true,"on":"yes"}`, "while: its result is string, expected true or false")
	key.refuse(`{"match":1}`, "match: its result is int, expected true or false")
}
