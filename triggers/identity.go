package triggers

import (
	"fmt"
	"net"
	"strings"
)

// varyingError is an error whose text quotes readings.
type varyingError struct {
	format string
	err    error
}

// VaryingErrorf is fmt.Errorf for a text that quotes readings, such as a number of pods, which are others each time. Two such errors
// with one format are the same error, which is reported once.
func VaryingErrorf(format string, args ...any) error {
	return &varyingError{format, fmt.Errorf(format, args...)}
}

// Error returns the text with its readings.
func (e *varyingError) Error() string { return e.err.Error() }

// Unwrap returns the error that is formatted.
func (e *varyingError) Unwrap() error { return e.err }

// ErrorIdentity returns a text that is equal for two occurrences of the same error: the text of err, with the format of a varying error
// instead of its text, and without the local port of a network error.
func ErrorIdentity(err error) string {
	switch e := err.(type) { //nolint:errorlint // It visits each error of the tree, from the outside.
	case *varyingError:
		parts := []string{e.format}
		for _, inner := range wrapped(e.err) {
			parts = append(parts, ErrorIdentity(inner))
		}
		return strings.Join(parts, " ")
	case *net.DNSError: // Its text quotes that of the connection to the DNS server.
		return fmt.Sprintf("lookup %s on %s: %t %t", e.Name, e.Server, e.IsTimeout, e.IsNotFound)
	case *net.OpError:
		return fmt.Sprintf("%s %s %v: %s", e.Op, e.Net, e.Addr, ErrorIdentity(e.Err))
	}
	identity := err.Error()
	for _, inner := range wrapped(err) {
		identity = strings.Replace(identity, inner.Error(), ErrorIdentity(inner), 1)
	}
	return identity
}

// wrapped returns the errors that err wraps itself.
func wrapped(err error) []error {
	switch e := err.(type) { //nolint:errorlint // These are the two ways to wrap.
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return []error{inner}
		}
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	}
	return nil
}
