package triggers

import (
	"errors"

	"github.com/impulse-sh/impulse/internal/diag"
)

// FieldError is one mistake in the metadata of a trigger. Its Field is the key, such as "threshold"; the caller adds the path of the
// metadata.
type FieldError = diag.Error

// FieldErrors returns every FieldError that err joins or wraps, in order.
func FieldErrors(err error) []*FieldError {
	var all []*FieldError
	for _, e := range flatten(err) {
		if field, ok := errors.AsType[*FieldError](e); ok {
			all = append(all, field)
		}
	}
	return all
}

// flatten returns the errors that err joins, however deep, or err itself; nothing for nil.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}
