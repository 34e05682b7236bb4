package endpoints

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/internal/ingest/loglimit"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// Request is a message that was authorized and has arrived whole.
type Request struct {
	// Namespace is the namespace in the path, "" for the cluster-wide receiver. Credential is the name of the sender's credential.
	Namespace, Credential string
	// Anonymous: the sender has shown no credential while credentials are configured.
	Anonymous bool
	// CountObjects: the sender asks how many objects select its alert.
	CountObjects bool
	// Param returns a parameter of the path, "" when the path has none of that name.
	Param  func(name string) string
	Header http.Header
	Query  url.Values
	Body   []byte
	// Grow reserves memory for the decoded body, in bytes. Its error answers the request. It may be nil.
	Grow func(bytes int64) error
	// At is when the leader received it.
	At time.Time
}

// ReceiveAlerts decodes a delivery of an Alertmanager to a namespace receiver, and records its alerts. Invalid alerts are counted and
// logged, and the others are recorded. It returns store.Result.Objects of a delivery that asks for it. Errors that the sender caused or can
// mend by a retry are *RefusedError.
func (r *Receiver) ReceiveAlerts(ctx context.Context, q *Request) (objects *int, err error) {
	to := store.Endpoint{Namespace: q.Namespace, Credential: q.Credential}
	delivered, mistakes, err := DecodeAlerts(q.Body)
	if err != nil {
		return nil, &RefusedError{ErrInvalid, err.Error()}
	}
	for _, e := range mistakes {
		if times, due := r.limiter.Due(loglimit.Key{Message: invalid, Namespace: to.Namespace, Sender: to.Credential}, q.At); due {
			r.log.Warn("an alert is invalid", "endpoint", to.String(), "error", e, "times", times)
		}
	}
	if len(delivered.Alerts) == 0 && len(mistakes) > 0 {
		r.metrics.countInvalid(len(mistakes))
		return nil, &RefusedError{ErrInvalid, errors.Join(mistakes...).Error()}
	}
	delivered.Endpoint, delivered.At, delivered.CountObjects = to, q.At, q.CountObjects
	results, err := r.record(ctx, to.Namespace, []store.Delivery{delivered})
	if err != nil {
		return nil, err // The Alertmanager sends all of it again, so the invalid alerts are counted then.
	}
	r.metrics.countInvalid(len(mistakes))
	return results[0].Objects, nil
}

// ReceiveWebhook decodes a message for all triggers that listen to the hook of its path, and records their levels. Only triggers that
// verify a signature decode an anonymous one. Its errors are *RefusedError.
func (r *Receiver) ReceiveWebhook(ctx context.Context, q *Request) (objects *int, err error) {
	name := hook{q.Namespace, q.Param("hook")}
	r.mu.RLock()
	listeners := make([]*listener, 0, len(r.hooks[name]))
	for _, l := range r.hooks[name] {
		if l.endpoint.Signed || !q.Anonymous {
			listeners = append(listeners, l)
		}
	}
	r.mu.RUnlock()
	slices.SortFunc(listeners, func(a, b *listener) int { return strings.Compare(a.String(), b.String()) })
	switch {
	case len(listeners) > 0:
		return nil, r.receive(ctx, "webhook", listeners, q)
	case q.Anonymous && r.complete():
		return nil, &RefusedError{ErrUnverified, "no access"}
	}
	return nil, r.notFound(fmt.Sprintf("no trigger of namespace %s listens to the hook %.63q", name.namespace, name.name))
}

// ReceiveLevel decodes a message for the trigger of type push in its path, and records the level. Its errors are *RefusedError.
func (r *Receiver) ReceiveLevel(ctx context.Context, q *Request) (objects *int, err error) {
	id := trigger{q.Namespace, q.Param("object"), q.Param("trigger")}
	r.mu.RLock()
	l := r.triggers[id]
	listens := l != nil || r.listens(id.namespace, id.object)
	r.mu.RUnlock()
	if !listens {
		return nil, r.notFound(fmt.Sprintf("no ScaledObject %s/%.253s has a trigger of type push", id.namespace, id.object))
	}
	if l == nil || l.endpoint.Hook != "" {
		return nil, r.notFound(fmt.Sprintf("ScaledObject %s/%.253s has no trigger of type push that is called %.63q", id.namespace, id.object, id.name))
	}
	return nil, r.receive(ctx, "push", []*listener{l}, q)
}

// listens reports whether any trigger of an object listens; the caller must hold mu.
func (r *Receiver) listens(namespace, object string) bool {
	for t := range r.triggers {
		if t.namespace == namespace && t.object == object {
			return true
		}
	}
	return false
}

// Record implements triggers.Endpoints: it records levels that came over NATS.
func (r *Receiver) Record(ctx context.Context, e triggers.Endpoint, m triggers.Message, levels []triggers.Level) bool {
	if len(levels) == 0 {
		return true
	}
	if r.tracer != nil {
		var span trace.Span
		ctx, span = r.startMessage(ctx, m.Header)
		defer span.End()
	}
	return r.recordLevels(ctx, "nats", e.Namespace, []store.Delivery{deliveryOf(e, m.At, levels)}) == nil
}

// Reject implements triggers.Endpoints: it counts and logs a message that came over NATS and is invalid for good.
func (r *Receiver) Reject(e triggers.Endpoint, reason error) {
	r.metrics.countMessage("nats", invalid)
	r.log.Warn("a message is invalid", "namespace", e.Namespace, "object", e.Object, "trigger", e.Trigger, "error", reason)
}

// notFound returns the error for a message to an endpoint that is not open.
func (r *Receiver) notFound(reason string) error {
	if !r.complete() {
		return &RefusedError{ErrUnavailable, "not all triggers are open yet, try again in some seconds"}
	}
	return &RefusedError{ErrNotFound, reason}
}

// receive decodes a message for some triggers, and records the levels of those for which it is valid. If it may be valid for one of
// them later, nothing is recorded: the sender tries again.
func (r *Receiver) receive(ctx context.Context, endpoint string, listeners []*listener, q *Request) error {
	deliveries, result, err := r.decode(ctx, listeners, triggers.Message{Header: q.Header, Query: q.Query, Raw: q.Body, At: q.At})
	if err != nil || len(deliveries) == 0 {
		r.metrics.countMessage(endpoint, result)
		return err
	}
	return r.recordLevels(ctx, endpoint, q.Namespace, deliveries)
}

// recordLevels records the levels of a message, and counts the message.
func (r *Receiver) recordLevels(ctx context.Context, endpoint, namespace string, deliveries []store.Delivery) error {
	_, err := r.record(ctx, namespace, deliveries)
	if err != nil {
		r.metrics.countMessage(endpoint, unavailable)
		return err
	}
	r.metrics.countMessage(endpoint, recorded)
	return nil
}

// record records the deliveries of one message to a namespace, several at the same time, and returns when all are durable. It is
// called for every message, whichever way it came. A repeat of a recorded message is not recorded again; a message whose record
// failed may be repeated. The error of a failed record is a *RefusedError of the kind ErrUnavailable; any other is a defect of the caller.
func (r *Receiver) record(ctx context.Context, namespace string, deliveries []store.Delivery) ([]store.Result, error) {
	for i := range deliveries {
		if to := deliveries[i].Endpoint.Namespace; to != namespace {
			return nil, fmt.Errorf("a message to namespace %q has a delivery for namespace %q", namespace, to)
		}
	}
	errs, results := make([]error, len(deliveries)), make([]store.Result, len(deliveries))
	var recording sync.WaitGroup
	for i := range deliveries {
		if r.recent.has(&deliveries[i]) {
			results[i].Selected = len(deliveries[i].Alerts)
			continue
		}
		recording.Go(func() { results[i], errs[i] = r.recordTraced(ctx, deliveries[i]) })
	}
	recording.Wait()
	var refused error
	for i, err := range errs {
		d := &deliveries[i]
		if err != nil {
			r.log.Warn("a message was not recorded", "endpoint", d.Endpoint.String(), "error", err)
			refused = cmp.Or[error](refused, &RefusedError{ErrUnavailable, notRecorded(err)})
			r.metrics.countChanges(&results[i])
			continue
		}
		r.recent.add(d)
		r.metrics.countAlerts(&results[i], len(d.Alerts))
		r.logUnselected(d, &results[i])
	}
	return results, refused
}
