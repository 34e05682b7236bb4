package database

import (
	"crypto/x509"
	"errors"
	"io"
	"net"

	"github.com/impulse-sh/impulse/internal/printable"
)

// maxReasonBytes is the maximum length of a reason.
const maxReasonBytes = 300

// errEnded is shown instead of EOF.
var errEnded = errors.New("the server closed the connection")

// Reason returns an error of a connection or of a driver in one line. Addresses are omitted: the caller names the server, unless its name
// is a credential.
func Reason(err error) error {
	var (
		operation *net.OpError
		lookup    *net.DNSError
		host      x509.HostnameError
	)
	switch {
	case errors.As(err, &lookup):
		return errors.New("resolve the host: " + lookup.Err)
	case errors.As(err, &host):
		return errors.New("the certificate of the server is for another host")
	case errors.As(err, &operation):
		return operation.Err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return errEnded
	}
	return errors.New(OneLine(err.Error()))
}

// OneLine returns a text from a server as one short line that is safe to display.
func OneLine(text string) string { return printable.Line(text, maxReasonBytes) }
