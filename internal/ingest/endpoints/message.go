package endpoints

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/triggers"
)

// What came of a message.
const (
	taken         = "taken"
	ignored       = "ignored"
	misunderstood = "misunderstood"
	unverified    = "unverified"
	unavailable   = "unavailable"
	limited       = "limited"
)

// maxReasons bounds how many triggers are heard on why they did not understand a message.
const maxReasons = 3

// RefusedError says why a message delivers nothing.
type RefusedError struct {
	// Code is an HTTP status: 503 for what may pass, 401 for a message that proves nothing, 404 for a door that is not there,
	// 400 for what can never be understood.
	Code int
	// Reason is one line for the sender.
	Reason string
}

// Error returns the reason.
func (r *RefusedError) Error() string { return r.Reason }

// secretHeaders are shown to no trigger.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// ask hands a message to the listeners, and returns what it delivers to those that understand it. When one of them may
// understand it later, nothing is delivered: the sender tries again, and repeats count once.
func (h *Hub) ask(ctx context.Context, door string, listeners []*listener, m triggers.Message) ([]store.Delivery, error) {
	var err error
	if m.Body, err = triggers.DecodeJSON(m.Raw); err != nil {
		h.count(door, misunderstood)
		return nil, &RefusedError{http.StatusBadRequest, "the body is not JSON as it should be: " + err.Error()}
	}
	m.Header = m.Header.Clone()
	for _, name := range secretHeaders {
		m.Header.Del(name)
	}
	bill := h.budget.open(listeners[0].door.Namespace)
	defer bill.close()
	m.Evaluate = bill.evaluate
	var (
		deliveries []store.Delivery
		understood bool
		failed     []error
	)
	for _, l := range listeners {
		levels, err := l.take(ctx, m)
		switch {
		case err != nil:
			err = fmt.Errorf("%s: %w", l, err)
			if refusal := h.whole(ctx, door, err); refusal != nil {
				return nil, refusal
			}
			failed = append(failed, err)
		case len(levels) > 0:
			understood = true
			deliveries = append(deliveries, deliveryOf(l.door, m.At, levels))
		default:
			understood = true
		}
	}
	return deliveries, h.judge(door, understood, len(deliveries) > 0, failed)
}

// whole refuses a whole message, and counts it, for what one trigger says of it: that the message may be understood later, or
// never be evaluated to the end. It returns nil for what is that trigger's alone.
func (h *Hub) whole(ctx context.Context, door string, err error) error {
	switch {
	case errors.Is(err, triggers.ErrOverBudget):
		h.count(door, limited)
	case errors.Is(err, triggers.ErrUnavailable), ctx.Err() != nil:
		h.count(door, unavailable)
	case errors.Is(err, errTooCostly):
		h.count(door, misunderstood)
		return &RefusedError{http.StatusBadRequest, err.Error()}
	default:
		return nil
	}
	return &RefusedError{http.StatusServiceUnavailable, err.Error()}
}

// judge counts a message, and refuses one that no trigger understands.
func (h *Hub) judge(door string, understood, delivers bool, failed []error) error {
	switch {
	case delivers:
		h.count(door, taken)
		return nil
	case understood:
		h.count(door, ignored)
		return nil
	}
	for _, err := range failed {
		if !errors.Is(err, triggers.ErrUnverified) {
			h.count(door, misunderstood)
			return &RefusedError{http.StatusBadRequest, reasons(failed)}
		}
	}
	h.count(door, unverified)
	return &RefusedError{http.StatusUnauthorized, reasons(failed)}
}

func (h *Hub) count(door, result string) { h.messages.WithLabelValues(door, result).Inc() }

// reasons are the first of several errors, in one line.
func reasons(failed []error) string {
	var all []string
	for _, err := range failed[:min(len(failed), maxReasons)] {
		all = append(all, err.Error())
	}
	if more := len(failed) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("and %d others", more))
	}
	return strings.Join(all, "; ")
}

// deliveryOf is the record of levels that came through a door.
func deliveryOf(d triggers.Endpoint, at time.Time, levels []triggers.Level) store.Delivery {
	delivery := store.Delivery{
		Endpoint: store.Endpoint{Namespace: d.Namespace, Object: d.Object, Trigger: d.Trigger}, At: at, Alerts: make([]store.Alert, len(levels)),
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
