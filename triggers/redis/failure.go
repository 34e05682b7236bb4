package redis

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/impulse-sh/impulse/internal/printable"
)

// maxReason is the maximum length of a server's error in a reason, in bytes.
const maxReason = 300

// failure is a failed exchange with one server. Its text has one line and no credentials.
type failure struct {
	text  string
	cause error
}

// Error returns the text.
func (f *failure) Error() string { return f.text }

// Unwrap returns the error of the library.
func (f *failure) Unwrap() error { return f.cause }

// failure returns the error of an exchange with a server; nil if err is nil.
func (s *session) failure(ctx context.Context, n node, err error) error {
	if err == nil {
		return nil
	}
	var text string
	switch {
	case isAnswer(err):
		text = s.hide(err.Error())
	case ctx.Err() != nil:
		text = context.Cause(ctx).Error()
	case errors.Is(err, os.ErrDeadlineExceeded): // The deadline of the socket is that of ctx, and may be noticed a little earlier.
		text = errNoExchange.Error()
	case errors.Is(err, io.EOF):
		text = "the server closed the connection"
	default:
		text = s.hide(err.Error())
	}
	return &failure{n.address + ": " + printable.Line(text, maxReason), err}
}

// isAnswer reports whether err is an error that a server has answered.
func isAnswer(err error) bool {
	var answer goredis.Error
	return errors.As(err, &answer)
}

// hide removes credentials from an error of a server. A server that does not know the command AUTH repeats its arguments.
func (s *session) hide(text string) string {
	text, _, _ = strings.Cut(text, ", with args beginning with")
	a := s.access
	for _, secret := range []string{a.password, a.sentinelPassword} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	for _, name := range []string{a.username, a.sentinelUsername} {
		if len(name) > 2 {
			text = strings.ReplaceAll(text, name, "…")
		}
	}
	return text
}
