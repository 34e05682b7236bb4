package endpoints

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/push"
	"github.com/impulse-sh/impulse/triggers/webhook"
)

// env is a receiver with a real store in a folder, and a clock that the test sets.
type env struct {
	t        *testing.T
	receiver *Receiver
	store    *store.Store
	dir      string
	// fails is the error of a record that changes nothing, and notDurable that of one whose changes are not durable.
	fails, notDurable error
	stop              func()

	mu     sync.Mutex
	clock  time.Time
	events map[string]scalers.Event
}

// Record records in the store, unless it is to fail without that.
func (e *env) Record(ctx context.Context, d store.Delivery) (store.Result, error) {
	if e.fails != nil {
		return store.Result{}, e.fails
	}
	result, err := e.store.Record(ctx, d)
	return result, cmp.Or(err, e.notDurable)
}

func (e *env) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.clock
}

func (e *env) pass(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clock = e.clock.Add(d)
}

// begin returns an env whose endpoints are all open.
func begin(t *testing.T) *env {
	t.Helper()
	e := &env{t: t, dir: t.TempDir(), clock: time.Now(), events: map[string]scalers.Event{}}
	e.start()
	return e
}

// start starts a process on what was recorded.
func (e *env) start() {
	e.t.Helper()
	folder, err := store.NewFolder(e.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		e.t.Fatal(err)
	}
	e.store = store.New(folder, e.now)
	e.receiver = New(e, e.now, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	e.receiver.ObjectsListed()
	e.pass(openingTime)
	ctx, cancel := context.WithCancel(e.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = e.store.Run(ctx) })
	testkit.Eventually(e.t, "the store is ready", func(context.Context) bool { return e.store.Ready() == nil })
	e.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	e.t.Cleanup(e.stop)
}

// open opens a trigger of the object checkout, in the namespace of env or else in shop, until the returned function is called.
func (e *env) open(kind triggers.Kind, name string, metadata map[string]string, env triggers.Env) func() {
	e.t.Helper()
	c, err := kind.Decode(metadata)
	if err != nil {
		e.t.Fatal(err)
	}
	env.Namespace, env.Object, env.Trigger = cmp.Or(env.Namespace, "shop"), "checkout", name
	env.Alerts, env.Endpoints, env.Now = e.store, e.receiver, e.now
	s, err := kind.Open(c, env)
	if err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(e.t.Context())
	done, emitted := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(done)
		_ = s.Run(ctx, func(event scalers.Event) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.events[name] = event
			once.Do(func() { close(emitted) })
		})
	}()
	<-emitted
	shut := sync.OnceFunc(func() {
		cancel()
		<-done
	})
	e.t.Cleanup(shut)
	return shut
}

func (e *env) webhook(name string, metadata map[string]string) {
	e.t.Helper()
	e.open(webhook.Kind(), name, metadata, triggers.Env{})
}

func (e *env) push(name string, metadata map[string]string) {
	e.t.Helper()
	e.open(push.Kind(), name, metadata, triggers.Env{})
}

// level returns the last level of a trigger.
func (e *env) level(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.events[name].Err != nil {
		return "unknown"
	}
	return e.events[name].Value.String()
}

// answer returns the status code that the HTTP server gives an error, and its reason.
func (e *env) answer(_ *int, err error) (int, string) {
	e.t.Helper()
	if err == nil {
		return 200, ""
	}
	codes := map[error]int{ErrUnavailable: 503, ErrUnverified: 401, ErrNotFound: 404, ErrInvalid: 400}
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok {
		e.t.Fatal(err)
	}
	return codes[refused.Kind], refused.Reason
}

// request returns a request to a namespace; headers are names and values by turns.
func (e *env) request(namespace, body string, headers ...string) *Request {
	q := &Request{Namespace: namespace, Header: http.Header{}, Body: []byte(body), At: e.now()}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	return q
}

// hookRequest returns a request to a hook.
func (e *env) hookRequest(namespace, hook, body string, headers ...string) *Request {
	q := e.request(namespace, body, headers...)
	q.Param = func(string) string { return hook }
	return q
}

// postHook posts a body to a hook.
func (e *env) postHook(hook, body string) (int, string) {
	e.t.Helper()
	return e.answer(e.receiver.ReceiveWebhook(e.t.Context(), e.hookRequest("shop", hook, body)))
}

// postLevel pushes a body to a trigger.
func (e *env) postLevel(trigger, body string, headers ...string) (int, string) {
	e.t.Helper()
	q := e.request("shop", body, headers...)
	q.Param = func(name string) string { return map[string]string{"object": "checkout", "trigger": trigger}[name] }
	return e.answer(e.receiver.ReceiveLevel(e.t.Context(), q))
}

func (e *env) counted(endpoint, result string) float64 {
	return testutil.ToFloat64(e.receiver.metrics.messages.WithLabelValues(endpoint, result))
}
