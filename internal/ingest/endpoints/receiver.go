package endpoints

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/internal/ingest/loglimit"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// openingTime is the time within which a process has opened the endpoints of its objects after it has listed them. Until then an
// endpoint that does not exist may exist soon.
const openingTime = 10 * time.Second

// Recorder records deliveries durably. *store.Store is one.
type Recorder interface {
	Record(ctx context.Context, d store.Delivery) (store.Result, error)
}

// Receiver receives all messages of one process: alerts for a namespace, and messages to the endpoints of the triggers that listen.
// (In the glossary, a receiver is only the endpoint for the alerts of a namespace.) It implements triggers.Endpoints and is safe for
// concurrent use.
type Receiver struct {
	recorder Recorder
	recent   recentIDs
	now      func() time.Time
	log      *slog.Logger
	metrics  *metrics
	// tracer is nil if there are no traces.
	tracer  trace.Tracer
	budget  *budget
	limiter loglimit.Limiter

	mu sync.RWMutex
	// triggers are those that listen, and hooks those of them that a hook leads to.
	triggers map[trigger]*listener
	hooks    map[hook]map[trigger]*listener
	// samples are the listeners to samples, by namespace and name of the metric.
	samples map[metric]map[*sampleListener]bool
	// listedAt is when the objects were listed; zero before that.
	listedAt time.Time
}

type (
	trigger struct{ namespace, object, name string }
	hook    struct{ namespace, name string }
)

// listener is one open endpoint.
type listener struct {
	endpoint triggers.Endpoint
	decode   func(ctx context.Context, m triggers.Message) ([]triggers.Level, error)
}

// New returns a Receiver on which no trigger listens yet, for a process that has not listed its objects.
func New(r Recorder, now func() time.Time, registry prometheus.Registerer, log *slog.Logger) *Receiver {
	return &Receiver{
		recorder: r, recent: recentIDs{digests: map[store.Endpoint][][sha256.Size]byte{}}, now: now, log: log, metrics: newMetrics(registry), budget: newBudget(now),
		triggers: map[trigger]*listener{}, hooks: map[hook]map[trigger]*listener{}, samples: map[metric]map[*sampleListener]bool{},
	}
}

// SetTracer has the Receiver make spans of the messages that it records; a nil tracer makes none. It must be called before the first message.
func (r *Receiver) SetTracer(t trace.Tracer) { r.tracer = t }

// Reset is called when the objects are going to be listed anew, as by a process that begins to lead.
func (r *Receiver) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listedAt = time.Time{}
}

// ObjectsListed is called when the objects have been listed. Their endpoints are opened within openingTime.
func (r *Receiver) ObjectsListed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listedAt.IsZero() {
		r.listedAt = r.now()
	}
}

// complete reports whether the endpoints of all objects are open.
func (r *Receiver) complete() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return !r.listedAt.IsZero() && r.now().Sub(r.listedAt) >= openingTime
}

// Listen implements triggers.Endpoints. A trigger that listens again replaces its former listener.
func (r *Receiver) Listen(e triggers.Endpoint, decode func(context.Context, triggers.Message) ([]triggers.Level, error)) func() {
	l := &listener{e, decode}
	id := trigger{e.Namespace, e.Object, e.Trigger}
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.triggers[id]; old != nil {
		r.remove(id, old)
	}
	r.triggers[id] = l
	if e.Hook != "" {
		name := hook{e.Namespace, e.Hook}
		if r.hooks[name] == nil {
			r.hooks[name] = map[trigger]*listener{}
		}
		r.hooks[name][id] = l
	}
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.triggers[id] == l {
			r.remove(id, l)
		}
	})
}

// remove closes an endpoint. The caller holds mu.
func (r *Receiver) remove(id trigger, l *listener) {
	delete(r.triggers, id)
	name := hook{l.endpoint.Namespace, l.endpoint.Hook}
	if delete(r.hooks[name], id); len(r.hooks[name]) == 0 {
		delete(r.hooks, name)
	}
}

// String names a trigger in an answer to a sender.
func (l *listener) String() string {
	return l.endpoint.Namespace + "/" + l.endpoint.Object + ", trigger " + l.endpoint.Trigger
}
