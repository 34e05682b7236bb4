package notify

import (
	"errors"
	"net/http"
	"time"
)

// Defaults of the fields of a sink.
const (
	defaultTimeout = 10 * time.Second
	defaultMaxAge  = 15 * time.Minute
)

// Sink is the definition of one sink, with the content of the files that it names. Either HTTP or NATS is set.
type Sink struct {
	Name   string
	HTTP   *HTTP
	NATS   *NATS
	Filter Filter
	// Timeout limits one try, and MaxAge the age up to which a notification is sent.
	Timeout, MaxAge time.Duration
}

// HTTP is a server to which notifications are posted.
type HTTP struct {
	URL string
	// Binary sends the attributes of the CloudEvent as headers. Body is a CEL expression that makes the body, instead of a CloudEvent; "" means
	// none.
	Binary bool
	Body   string
	// Header has the headers from files, and the bearer token.
	Header http.Header
	TLS    TLS
}

// NATS is a subject of NATS servers.
type NATS struct {
	// Server has the URLs of the servers, separated by commas.
	Server string
	// Subject may contain {cluster}, {namespace}, {name} and {type}.
	Subject string
	// Stream is the JetStream stream that must store each notification; "" means that no stream is needed.
	Stream string
	// At most one way to log in is set.
	Username, Password, Token, NKey, Creds string
	TLS                                    TLS
}

// TLS has certificates in PEM; "" means none.
type TLS struct{ CA, Cert, Key string }

// rejectedError is the answer of a sink that does not accept a notification, and would not accept it later.
type rejectedError struct{ why string }

// Error returns the text of the error.
func (e *rejectedError) Error() string { return e.why }

// busyError is the answer of a sink that says when to try again.
type busyError struct {
	why   string
	after time.Duration
}

// Error returns the text of the error.
func (e *busyError) Error() string { return e.why }

// retryable reports whether a try may succeed later.
func retryable(err error) bool {
	_, rejected := errors.AsType[*rejectedError](err)
	return !rejected
}
