package actuator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// writeError says what the API server's answer to a write means for the caller.
func writeError(err error) error {
	if failedTest(err) || apierrors.IsConflict(err) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return readError(err)
}

// readError says what the API server's answer to a read means for the caller.
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

// failedTest tells a failed test of a JSON Patch from an object that the API server finds invalid. Both are 422; only
// the latter says which field.
func failedTest(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Code != http.StatusUnprocessableEntity {
		return false
	}
	details := status.Status().Details
	return details == nil || len(details.Causes) == 0
}

func overloaded(err error) bool {
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return true
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}

// lasting reports whether an error says that reading is refused rather than failing for the moment.
func lasting(err error) bool {
	return errors.Is(err, ErrForbidden) || errors.Is(err, ErrNoScale) || errors.Is(err, ErrNotFound)
}
