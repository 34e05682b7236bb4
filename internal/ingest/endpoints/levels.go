package endpoints

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// maxReasons bounds the triggers whose errors are in one answer.
const maxReasons = 3

// secretHeaders are removed from a message before triggers decode it.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie"}

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
	charge := r.budget.open(listeners[0].endpoint.Namespace)
	defer charge.close()
	m.Evaluate = charge.evaluate
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
