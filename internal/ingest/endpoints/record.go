package endpoints

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/impulse-sh/impulse/internal/ingest/loglimit"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// record records the deliveries of one message to a namespace, several at the same time, and returns when all are durable. It is
// called for every message, whichever way it came. The error is a *RefusedError of the kind ErrUnavailable.
func (r *Receiver) record(ctx context.Context, namespace string, deliveries []store.Delivery) ([]store.Result, error) {
	for i := range deliveries {
		if to := deliveries[i].Endpoint.Namespace; to != namespace {
			return nil, fmt.Errorf("a message to namespace %q has a delivery for namespace %q", namespace, to)
		}
	}
	errs, results := make([]error, len(deliveries)), make([]store.Result, len(deliveries))
	var recording sync.WaitGroup
	for i := range deliveries {
		recording.Go(func() { results[i], errs[i] = r.recorder.Record(ctx, deliveries[i]) })
	}
	recording.Wait()
	var refused error
	for i, err := range errs {
		d := &deliveries[i]
		if err != nil {
			r.log.Warn("a message was not recorded", "endpoint", d.Endpoint.String(), "error", err)
			refused = cmp.Or[error](refused, &RefusedError{ErrUnavailable, notRecorded(err)})
			continue
		}
		r.metrics.countAlerts(&results[i], len(d.Alerts))
		r.logUnselected(d, &results[i])
	}
	return results, refused
}

// notRecorded returns the reason for the sender. It names a bound of the sender's; other errors are for the log only.
func notRecorded(err error) string {
	full, ok := errors.AsType[*store.FullError](err)
	switch {
	case ok:
		return full.Error()
	case errors.Is(err, store.ErrNotReady):
		return "the alerts that were recorded before are not loaded yet, try again"
	case errors.Is(err, ErrTimeout):
		return "not recorded within the time of an answer, try again: it goes on to be recorded"
	default:
		return "not recorded, try again"
	}
}

// logUnselected logs that a delivery has alerts which no object selects.
func (r *Receiver) logUnselected(d *store.Delivery, result *store.Result) {
	if result.Unselected == 0 || d.Endpoint.Object != "" {
		return
	}
	namespace, event := cmp.Or(d.Endpoint.Namespace, "*"), "unselected"
	if !result.Listening {
		event = "no selectors"
	}
	times, due := r.limiter.Due(loglimit.Key{Event: event, Namespace: namespace, Sender: d.Endpoint.Credential}, d.At)
	switch {
	case !due:
	case result.Listening:
		r.log.Info("alerts were recorded that no object selects", "namespace", namespace, "credential", d.Endpoint.Credential,
			"alerts", result.Unselected, "alertname", shorten(result.Example), "times", times)
	default:
		r.log.Warn("alerts were recorded for a namespace in which no object selects alerts: is it the right one in the URL?",
			"namespace", namespace, "credential", d.Endpoint.Credential, "alerts", result.Unselected, "alertname", shorten(result.Example), "times", times)
	}
}
