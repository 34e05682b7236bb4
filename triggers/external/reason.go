package external

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/impulse-sh/impulse/internal/printable"
)

// maxReasonBytes is the maximum length of a server's message in a reason.
const maxReasonBytes = 300

// localPort matches the local end of a connection in the text of a network error. The displayed reason leaves it out, because it differs
// each time. No error is recognized by this text.
var localPort = regexp.MustCompile(`[^ ]+->`)

// reason returns an error of a call in one line.
func reason(ctx context.Context, call string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s, isStatus := status.FromError(err)
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the server has ended %s", call)
	case !isStatus:
		return err
	}
	text := oneLine(localPort.ReplaceAllString(s.Message(), ""))
	switch s.Code() {
	case codes.Unavailable: // The text describes the connection.
		return errors.New(text)
	case codes.Unimplemented:
		return fmt.Errorf("the server does not implement %s: %s", call, text)
	default:
		return fmt.Errorf("%s: %s: %s", call, s.Code(), text)
	}
}

// oneLine returns a text from outside as one short line that is safe to display.
func oneLine(text string) string { return printable.Line(text, maxReasonBytes) }
