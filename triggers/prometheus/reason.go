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

// maxReason bounds what is repeated of a server's own words, in bytes.
const maxReason = 200

// reason turns what the client says into one line that names neither a URL, which may hold a query of any length, nor a
// body.
func reason(ctx context.Context, err error) error {
	var (
		answer *v1.Error
		sent   *url.Error
		large  *http.MaxBytesError
	)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &large):
		return fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)
	case errors.As(err, &answer):
		return answered(answer)
	case errors.As(err, &sent):
		return sent.Err
	}
	return err
}

// answered is the reason for an answer without a result.
func answered(e *v1.Error) error {
	switch e.Type {
	case v1.ErrBadResponse:
		return errForeign
	case v1.ErrClient, v1.ErrServer:
		return errors.New(line(e.Msg))
	default:
		return fmt.Errorf("%s: %s", line(string(e.Type)), line(e.Msg))
	}
}

// line returns a text that somebody else wrote in one short line.
func line(text string) string { return printable.Line(text, maxReason) }
