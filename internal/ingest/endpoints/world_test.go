package endpoints

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
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

// world is a hub with a real store on a folder, whose clock the test holds.
type world struct {
	t     *testing.T
	hub   *Hub
	store *store.Store
	dir   string
	fails error
	stop  func()

	mu    sync.Mutex
	clock time.Time
	says  map[string]scalers.Event
}

// Record is the store's, unless it is to fail.
func (w *world) Record(ctx context.Context, d store.Delivery) (store.Result, error) {
	if w.fails != nil {
		return store.Result{}, w.fails
	}
	return w.store.Record(ctx, d)
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// begin makes a world whose doors are all open.
func begin(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: time.Now(), says: map[string]scalers.Event{}}
	w.start()
	return w
}

// start starts a process on what was recorded.
func (w *world) start() {
	w.t.Helper()
	folder, err := store.NewFolder(w.dir, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = store.New(folder, w.now)
	w.hub = New(w, w.now, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	w.hub.Known()
	w.pass(settling)
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.store.Run(ctx) })
	testkit.Eventually(w.t, "the store is ready", func(context.Context) bool { return w.store.Ready() == nil })
	w.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	w.t.Cleanup(w.stop)
}

// open opens a trigger of shop/checkout until the returned function is called.
func (w *world) open(kind triggers.Kind, name string, metadata map[string]string, env triggers.Env) func() {
	w.t.Helper()
	c, err := kind.Decode(metadata)
	if err != nil {
		w.t.Fatal(err)
	}
	env.Namespace, env.Object, env.Trigger = cmp.Or(env.Namespace, "shop"), "checkout", name
	env.Alerts, env.Endpoints, env.Now = w.store, w.hub, w.now
	s, err := kind.Open(c, env)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done, spoke := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(done)
		_ = s.Run(ctx, func(e scalers.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.says[name] = e
			once.Do(func() { close(spoke) })
		})
	}()
	<-spoke
	shut := sync.OnceFunc(func() {
		cancel()
		<-done
	})
	w.t.Cleanup(shut)
	return shut
}

func (w *world) webhook(name string, metadata map[string]string) {
	w.t.Helper()
	w.open(webhook.Kind(), name, metadata, triggers.Env{})
}

func (w *world) push(name string, metadata map[string]string) {
	w.t.Helper()
	w.open(push.Kind(), name, metadata, triggers.Env{})
}

// level is what a trigger says.
func (w *world) level(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e := w.says[name]; e.Err != nil {
		return "unknown"
	}
	return w.says[name].Value.String()
}

// deliver records what a message delivers, as the server does, and returns the code of the answer and what it says.
func (w *world) deliver(deliveries []store.Delivery, err error) (int, string) {
	w.t.Helper()
	if refusal, ok := errors.AsType[*RefusedError](err); ok {
		return refusal.Code, refusal.Reason
	}
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range deliveries {
		if _, err := w.hub.Recorder().Record(w.t.Context(), d); err != nil {
			return 503, err.Error()
		}
	}
	return 200, ""
}

func (w *world) message(body string, headers ...string) triggers.Message {
	m := triggers.Message{Header: map[string][]string{}, Raw: []byte(body), At: w.now()}
	for i := 0; i+1 < len(headers); i += 2 {
		m.Header.Set(headers[i], headers[i+1])
	}
	return m
}

// call posts to a hook.
func (w *world) call(hook, body string) (int, string) {
	w.t.Helper()
	return w.deliver(w.hub.Webhook(w.t.Context(), "shop", hook, w.message(body), false))
}

// put pushes to a trigger.
func (w *world) put(trigger, body string, headers ...string) (int, string) {
	w.t.Helper()
	return w.deliver(w.hub.Push(w.t.Context(), "shop", "checkout", trigger, w.message(body, headers...)))
}

func (w *world) counted(door, result string) float64 {
	return testutil.ToFloat64(w.hub.messages.WithLabelValues(door, result))
}
