package kafka

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/impulse-sh/impulse/internal/printable"
)

// maxReason is the maximum length of a reason, in bytes.
const maxReason = 500

// failure is the reason why a lag is unknown. Its text has one line and no credentials.
type failure struct {
	text  string
	cause error
}

// Error returns the text.
func (f *failure) Error() string { return f.text }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.cause }

// failure returns the error of a reading. A broker may repeat a user name.
func (r *reader) failure(a access, err error) error {
	text := err.Error()
	if _, explained := errors.AsType[*kgo.ErrFirstReadEOF](err); errors.Is(err, io.EOF) && !explained {
		text = strings.TrimSuffix(text, io.EOF.Error()) + "the broker closed the connection"
	}
	for _, secret := range []string{a.password, a.keyPassword} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	if len(a.username) > 2 {
		text = strings.ReplaceAll(text, a.username, "…")
	}
	return &failure{printable.Line(fmt.Sprintf("read the lag of group %s: %s", r.query.group, text), maxReason), err}
}
