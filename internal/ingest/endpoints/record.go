package endpoints

import (
	"cmp"
	"errors"

	"github.com/impulse-sh/impulse/internal/ingest/loglimit"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// notRecorded returns the reason that the response gives. A FullError names the limit that is reached, so the response has its text. The
// texts of all other errors are only logged.
func notRecorded(err error) string {
	full, ok := errors.AsType[*store.FullError](err)
	switch {
	case ok:
		return full.Error()
	case errors.Is(err, store.ErrNotReady):
		return "the alerts that were recorded before are not loaded yet, try again"
	case errors.Is(err, ErrTimeout):
		return "not recorded in time, try again: the message is still being recorded"
	default:
		return "not recorded, try again"
	}
}

// logUnselected logs that a delivery has alerts which no object selects.
func (r *Receiver) logUnselected(d *store.Delivery, result *store.Result) {
	if result.Unselected == 0 || d.Endpoint.Object != "" {
		return
	}
	namespace, message := cmp.Or(d.Endpoint.Namespace, "*"), "unselected"
	if !result.Listening {
		message = "no selectors"
	}
	times, due := r.limiter.Due(loglimit.Key{Message: message, Namespace: namespace, Sender: d.Endpoint.Credential}, d.At)
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
