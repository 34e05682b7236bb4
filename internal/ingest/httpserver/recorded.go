package httpserver

import (
	"errors"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// errTooLong is why the work on a request ends.
var errTooLong = errors.New("it took too long")

// notRecorded says to a sender why a delivery was not recorded, and that it may try again. Whose bound leaves no room is the
// sender's to know; what else went wrong is the log's.
func notRecorded(err error) string {
	full, ok := errors.AsType[*store.FullError](err)
	switch {
	case ok:
		return full.Error()
	case errors.Is(err, store.ErrNotReady):
		return "the alerts that were recorded before are not loaded yet, try again"
	case errors.Is(err, errTooLong):
		return "not recorded within the time of an answer, try again: it goes on to be recorded"
	default:
		return "not recorded, try again"
	}
}
