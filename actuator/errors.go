package actuator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// writeError maps the API server's answer to a write to an error that callers act on. The message is checked before the code
// and the reason, because a webhook that denies a request chooses these two.
func writeError(err error) error {
	switch {
	case denied(err):
		return fmt.Errorf("%w: %w", ErrDenied, err)
	case failedTest(err), changedMeanwhile(err):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	default:
		return readError(err)
	}
}

// readError maps the API server's answer to a read to an error that callers act on.
func readError(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return fmt.Errorf("%w: %w", ErrForbidden, err)
	case overloaded(err):
		return fmt.Errorf("%w: %w", ErrThrottled, err)
	default:
		return err
	}
}

// denial matches the messages with which webhooks and policies of admission refuse a request.
var denial = regexp.MustCompile(`admission webhook "[^"]*" denied the request|[Pp]olicy ['"].*['"] denied request: `)

// denied reports whether admission refused a request. A message with "is forbidden" that does not name a user is that of a quota or
// of an admission plugin; one about a missing permission names the user.
func denied(err error) bool {
	message := statusOf(err).Message
	return denial.MatchString(message) || strings.Contains(message, " is forbidden: ") && !strings.Contains(message, ` is forbidden: User "`)
}

// failedTest reports whether a test of a JSON Patch failed. The answer for an invalid object is 422 as well, but it has causes and
// another message.
func failedTest(err error) bool {
	status := statusOf(err)
	return status.Code == http.StatusUnprocessableEntity && (status.Details == nil || len(status.Details.Causes) == 0) &&
		strings.HasPrefix(status.Message, "the server rejected our request due to an error in our request")
}

// changedMeanwhile reports whether the object was written between the API server's own read and its write.
func changedMeanwhile(err error) bool {
	return apierrors.IsConflict(err) && strings.HasPrefix(statusOf(err).Message, "Operation cannot be fulfilled on ")
}

// statusOf returns the API server's answer; the zero value when there is none.
func statusOf(err error) metav1.Status {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return metav1.Status{}
	}
	return status.Status()
}

func overloaded(err error) bool {
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return true
	}
	code := statusOf(err).Code
	return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}

// lasting reports whether a read failed for a reason that tends to last: a missing permission, kind or object.
func lasting(err error) bool {
	return errors.Is(err, ErrForbidden) || errors.Is(err, ErrNoScale) || errors.Is(err, ErrNotFound)
}
