package prometheus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/impulse-sh/impulse/internal/printable"
)

// maxReasonBytes is the maximum length of a server's message in a reason.
const maxReasonBytes = 200

// reason shortens an error of the client library to one line. It drops the URL, because the query in the URL may be long, and the body
// of the answer.
func reason(ctx context.Context, err error) error {
	var (
		api       *v1.Error
		transport *url.Error
		large     *http.MaxBytesError
	)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &large):
		return fmt.Errorf("the answer is larger than %d MiB", maxAnswerBytes>>20)
	case errors.As(err, &api):
		return apiReason(api)
	case errors.As(err, &transport):
		return transport.Err
	}
	return err
}

// apiReason returns the reason for an error that the server answered with, or for an answer that is not of the query API.
func apiReason(e *v1.Error) error {
	switch e.Type {
	case v1.ErrBadResponse:
		return errNotAPI
	case v1.ErrClient, v1.ErrServer:
		return errors.New(oneLine(e.Msg))
	default:
		return fmt.Errorf("%s: %s", oneLine(string(e.Type)), oneLine(e.Msg))
	}
}

// oneLine returns a text from outside as one short line that is safe to display.
func oneLine(text string) string { return printable.Line(text, maxReasonBytes) }
