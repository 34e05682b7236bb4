package endpoints

import "errors"

// Kinds of RefusedError.
var (
	// ErrUnavailable: the message was not recorded, or cannot be decoded at the moment. It is worth a retry.
	ErrUnavailable = errors.New("unavailable")
	// ErrUnverified: the message does not prove who sent it.
	ErrUnverified = errors.New("unverified")
	// ErrNotFound: no trigger has this endpoint.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the message can never become valid.
	ErrInvalid = errors.New("invalid")
	// ErrTooLarge: the message is larger than messages may be.
	ErrTooLarge = errors.New("too large")
	// ErrUnsupported: the message has a format or an encoding that is not supported.
	ErrUnsupported = errors.New("unsupported")
)

// ErrTimeout is the cause of a context that ends because a message took too long.
var ErrTimeout = errors.New("it took too long")

// RefusedError is returned for a message that was not recorded.
type RefusedError struct {
	// Kind is one of the errors above.
	Kind error
	// Reason is one line for the sender.
	Reason string
}

// Error returns the reason.
func (e *RefusedError) Error() string { return e.Reason }

// Unwrap returns the kind.
func (e *RefusedError) Unwrap() error { return e.Kind }
