package endpoints

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// maxReasons bounds the triggers whose errors are in one answer.
const maxReasons = 3

// secretHeaders are removed from a message before triggers decode it.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// ReceiveWebhook decodes a message for all triggers that listen to a hook of a namespace, and records their levels. With anonymous,
// the sender has shown no credential: only triggers that verify a signature decode it. Its errors are *RefusedError.
func (r *Receiver) ReceiveWebhook(ctx context.Context, namespace, name string, m triggers.Message, anonymous bool) error {
	r.mu.RLock()
	listeners := make([]*listener, 0, len(r.hooks[hook{namespace, name}]))
	for _, l := range r.hooks[hook{namespace, name}] {
		if l.endpoint.Signed || !anonymous {
			listeners = append(listeners, l)
		}
	}
	r.mu.RUnlock()
	slices.SortFunc(listeners, func(a, b *listener) int { return strings.Compare(a.String(), b.String()) })
	switch {
	case len(listeners) > 0:
		return r.receive(ctx, "webhook", listeners, m)
	case anonymous && r.complete():
		return &RefusedError{ErrUnverified, "no access"}
	}
	return r.notFound(fmt.Sprintf("no trigger of namespace %s listens to the hook %.63q", namespace, name))
}

// ReceiveLevel decodes a message to one trigger of type push, and records its level. Its errors are *RefusedError.
func (r *Receiver) ReceiveLevel(ctx context.Context, namespace, object, name string, m triggers.Message) error {
	r.mu.RLock()
	l := r.triggers[trigger{namespace, object, name}]
	r.mu.RUnlock()
	if l == nil || l.endpoint.Hook != "" {
		return r.notFound(fmt.Sprintf("ScaledObject %s/%.253s has no trigger of type push that is called %.63q", namespace, object, name))
	}
	return r.receive(ctx, "push", []*listener{l}, m)
}

// Record implements triggers.Endpoints: it records levels that came over NATS.
func (r *Receiver) Record(ctx context.Context, e triggers.Endpoint, at time.Time, levels []triggers.Level) bool {
	if len(levels) == 0 {
		return true
	}
	return r.recordLevels(ctx, "nats", e.Namespace, []store.Delivery{deliveryOf(e, at, levels)}) == nil
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
func (r *Receiver) receive(ctx context.Context, endpoint string, listeners []*listener, m triggers.Message) error {
	deliveries, result, err := r.decode(ctx, listeners, m)
	if err != nil || len(deliveries) == 0 {
		r.metrics.countMessage(endpoint, result)
		return err
	}
	return r.recordLevels(ctx, endpoint, listeners[0].endpoint.Namespace, deliveries)
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

// decode decodes a message for each listener. It returns what the message delivers, or the result that it counts as when that is
// nothing.
func (r *Receiver) decode(ctx context.Context, listeners []*listener, m triggers.Message) (deliveries []store.Delivery, result string, err error) {
	if m.Body, err = triggers.DecodeJSON(m.Raw); err != nil {
		return nil, invalid, &RefusedError{ErrInvalid, "the body cannot be decoded as JSON: " + err.Error()}
	}
	m.Header = m.Header.Clone()
	for _, name := range secretHeaders {
		m.Header.Del(name)
	}
	bill := r.budget.open(listeners[0].endpoint.Namespace)
	defer bill.close()
	m.Evaluate = bill.evaluate
	var errs []error
	for _, l := range listeners {
		levels, err := l.decode(ctx, m)
		if err != nil {
			err = fmt.Errorf("%s: %w", l, err)
			if result, refused := refusedByOne(ctx, err); refused != nil {
				return nil, result, refused
			}
			errs = append(errs, err)
		} else if len(levels) > 0 {
			deliveries = append(deliveries, deliveryOf(l.endpoint, m.At, levels))
		}
	}
	if len(errs) == len(listeners) {
		result, err := refusedByAll(errs)
		return nil, result, err
	}
	return deliveries, ignored, nil
}

// refusedByOne returns the error for a message that one trigger refuses for all of them, because it may be valid later or is too
// costly; nil when other triggers may decode it.
func refusedByOne(ctx context.Context, err error) (result string, refused error) {
	switch {
	case errors.Is(err, triggers.ErrOverBudget):
		return limited, &RefusedError{ErrUnavailable, err.Error()}
	case errors.Is(err, triggers.ErrUnavailable), ctx.Err() != nil:
		return unavailable, &RefusedError{ErrUnavailable, err.Error()}
	case errors.Is(err, errTooCostly):
		return invalid, &RefusedError{ErrInvalid, err.Error()}
	default:
		return "", nil
	}
}

// refusedByAll returns the error for a message that is valid for no trigger.
func refusedByAll(errs []error) (result string, refused error) {
	for _, err := range errs {
		if !errors.Is(err, triggers.ErrUnverified) {
			return invalid, &RefusedError{ErrInvalid, reasons(errs)}
		}
	}
	return unverified, &RefusedError{ErrUnverified, reasons(errs)}
}

// reasons joins the first errors in one line.
func reasons(errs []error) string {
	var all []string
	for _, err := range errs[:min(len(errs), maxReasons)] {
		all = append(all, err.Error())
	}
	if more := len(errs) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d others", more))
	}
	return strings.Join(all, "; ")
}

// deliveryOf returns the delivery of the levels of a message to a trigger.
func deliveryOf(e triggers.Endpoint, at time.Time, levels []triggers.Level) store.Delivery {
	delivery := store.Delivery{
		Endpoint: store.Endpoint{Namespace: e.Namespace, Object: e.Object, Trigger: e.Trigger}, At: at, Alerts: make([]store.Alert, len(levels)),
	}
	for i, l := range levels {
		began := l.At
		if began.IsZero() || began.After(at) {
			began = at
		}
		a := store.Alert{Level: store.NewLevel(l.Key, l.Value), Firing: l.On, StartsAt: began}
		if !l.On {
			a.EndsAt = began
		} else if l.TTL > 0 {
			a.Until = at.Add(l.TTL)
		}
		delivery.Alerts[i], delivery.ID = a, l.ID
	}
	return delivery
}
