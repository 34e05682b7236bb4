// Package endpoints is where messages to single triggers come in: it knows which triggers listen, hands each message to those
// that it is for, and makes deliveries of what they understand. What is recorded, and where, is not its business.
package endpoints

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// settling is how long after its objects are known a process opens their triggers: until then a door that is not there may
// only not be there yet.
const settling = 10 * time.Second

// Recorder takes deliveries. alerts.Store is one.
type Recorder interface {
	Record(ctx context.Context, d store.Delivery) (store.Result, error)
}

// Hub is every direct door that is open: one for each trigger that listens. It implements triggers.Doors.
type Hub struct {
	recorder Recorder
	now      func() time.Time
	log      *slog.Logger
	messages *prometheus.CounterVec
	budget   *budget

	mu sync.RWMutex
	// open are the triggers that listen, and hooks those of them that a hook leads to.
	open  map[trigger]*listener
	hooks map[hook]map[trigger]*listener
	// known is when the objects were; zero: they are not yet.
	known time.Time
}

type (
	trigger struct{ namespace, object, name string }
	hook    struct{ namespace, name string }
)

// listener is one open door.
type listener struct {
	door triggers.Endpoint
	take func(ctx context.Context, m triggers.Message) ([]triggers.Level, error)
}

// New returns a hub with no open door, of a process that does not know its objects yet.
func New(r Recorder, now func() time.Time, registry prometheus.Registerer, log *slog.Logger) *Hub {
	h := &Hub{
		recorder: NewRepeats(r), now: now, log: log, budget: newBudget(now), open: map[trigger]*listener{}, hooks: map[hook]map[trigger]*listener{},
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_messages_total",
			Help: "Messages to single triggers, by door (webhook, push, nats) and what came of them: taken, ignored (they concern no trigger), misunderstood, unverified, unavailable, limited (the namespace has spent its budget of evaluations).",
		}, []string{"door", "result"}),
	}
	registry.MustRegister(h.messages)
	return h
}

// Begin says that the objects are not known any more, and their triggers are opened anew once they are.
func (h *Hub) Begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known = time.Time{}
}

// Known says that the objects are known, and their triggers are being opened.
func (h *Hub) Known() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known.IsZero() {
		h.known = h.now()
	}
}

// Listen is triggers.Doors'. A trigger that listens anew replaces itself.
func (h *Hub) Listen(d triggers.Endpoint, take func(context.Context, triggers.Message) ([]triggers.Level, error)) func() {
	l := &listener{d, take}
	id := trigger{d.Namespace, d.Object, d.Trigger}
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.open[id]; old != nil {
		h.shut(id, old)
	}
	h.open[id] = l
	if d.Hook != "" {
		name := hook{d.Namespace, d.Hook}
		if h.hooks[name] == nil {
			h.hooks[name] = map[trigger]*listener{}
		}
		h.hooks[name][id] = l
	}
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.open[id] == l {
			h.shut(id, l)
		}
	})
}

// shut closes a door; h.mu is held.
func (h *Hub) shut(id trigger, l *listener) {
	delete(h.open, id)
	name := hook{l.door.Namespace, l.door.Hook}
	if delete(h.hooks[name], id); len(h.hooks[name]) == 0 {
		delete(h.hooks, name)
	}
}

// Record is triggers.Doors'.
func (h *Hub) Record(ctx context.Context, d triggers.Endpoint, at time.Time, levels []triggers.Level) bool {
	if len(levels) == 0 {
		return true
	}
	if _, err := h.recorder.Record(ctx, deliveryOf(d, at, levels)); err != nil {
		h.count("nats", unavailable)
		h.log.Warn("a message was not recorded", "namespace", d.Namespace, "object", d.Object, "trigger", d.Trigger, "error", err)
		return false
	}
	h.count("nats", taken)
	return true
}

// Reject is triggers.Doors'.
func (h *Hub) Reject(d triggers.Endpoint, why error) {
	h.count("nats", misunderstood)
	h.log.Warn("a message was not understood", "namespace", d.Namespace, "object", d.Object, "trigger", d.Trigger, "error", why)
}

// Recorder records what the hub's messages deliver: repeats of a message once.
func (h *Hub) Recorder() Recorder { return h.recorder }

// Webhook returns what a message to a hook of a namespace delivers: one delivery for each trigger that it concerns. Its
// errors are *RefusedError. A stranger has shown no credential: only triggers that verify a signature hear of it.
func (h *Hub) Webhook(ctx context.Context, namespace, name string, m triggers.Message, stranger bool) ([]store.Delivery, error) {
	h.mu.RLock()
	listeners := make([]*listener, 0, len(h.hooks[hook{namespace, name}]))
	for _, l := range h.hooks[hook{namespace, name}] {
		if l.door.Signed || !stranger {
			listeners = append(listeners, l)
		}
	}
	h.mu.RUnlock()
	slices.SortFunc(listeners, func(a, b *listener) int { return strings.Compare(a.String(), b.String()) })
	switch {
	case len(listeners) > 0:
		return h.ask(ctx, "webhook", listeners, m)
	case stranger && h.complete():
		return nil, &RefusedError{http.StatusUnauthorized, "no access"}
	}
	return nil, h.unknown(fmt.Sprintf("no trigger of namespace %s listens to the hook %.63q", namespace, name))
}

// Push returns what a message to one trigger delivers. Its errors are *RefusedError.
func (h *Hub) Push(ctx context.Context, namespace, object, name string, m triggers.Message) ([]store.Delivery, error) {
	h.mu.RLock()
	l := h.open[trigger{namespace, object, name}]
	h.mu.RUnlock()
	if l == nil || l.door.Hook != "" {
		return nil, h.unknown(fmt.Sprintf("ScaledObject %s/%.253s has no trigger of type push that is called %.63q", namespace, object, name))
	}
	return h.ask(ctx, "push", []*listener{l}, m)
}

// complete reports whether every door is open that is there.
func (h *Hub) complete() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return !h.known.IsZero() && h.now().Sub(h.known) >= settling
}

// unknown refuses a message to a door that is not open.
func (h *Hub) unknown(why string) error {
	if !h.complete() {
		return &RefusedError{http.StatusServiceUnavailable, "not all triggers are open yet, try again in some seconds"}
	}
	return &RefusedError{http.StatusNotFound, why}
}

// String names a listener as its user does.
func (l *listener) String() string {
	return l.door.Namespace + "/" + l.door.Object + ", trigger " + l.door.Trigger
}
