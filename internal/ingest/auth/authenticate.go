package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kinds of Error.
var (
	// ErrUnauthenticated: a request shows no valid credential.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrForbidden: the credential of a request is not valid for the namespace.
	ErrForbidden = errors.New("its credential is not valid for this namespace")
	// ErrRateLimited: the sender has sent more requests than its rate allows. It is worth a retry.
	ErrRateLimited = errors.New("too many requests of this sender in a second")
)

// Error is the reason why a request is refused. It is meant for the log: the sender must not learn it.
type Error struct {
	// Kind is ErrUnauthenticated or ErrForbidden.
	Kind   error
	Reason string
}

// Error returns the reason.
func (e *Error) Error() string { return e.Reason }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Authenticate returns the credential of a request, and counts the request for the rate of the credential. The error is ErrRateLimited, or an
// *Error of the kind ErrUnauthenticated.
func (c *Credentials) Authenticate(r *http.Request, now time.Time) (*Credential, error) {
	one, ok := lookup(*c.all.Load(), r)
	if !ok {
		return nil, &Error{Kind: ErrUnauthenticated, Reason: unauthenticated(r)}
	}
	if !one.rate.AllowN(now, 1) {
		return nil, ErrRateLimited
	}
	return one, nil
}

// Authorize returns nil if the credential is valid for a namespace, "" being the cluster-wide receiver. Otherwise it returns an
// *Error of the kind ErrForbidden, which names the namespaces that the credential is valid for.
func (c *Credential) Authorize(namespace string) error {
	if c.allows(namespace) {
		return nil
	}
	valid := strings.Join(c.namespaces, ", ")
	if c.name == "" {
		return &Error{Kind: ErrForbidden, Reason: fmt.Sprintf("the token is valid for namespace %s only", valid)}
	}
	return &Error{Kind: ErrForbidden, Reason: fmt.Sprintf("credential %s is valid for %s only", c.name, valid)}
}

// unauthenticated returns why no credential was found for a request.
func unauthenticated(r *http.Request) string {
	header := r.Header.Get("Authorization")
	scheme, _, _ := strings.Cut(header, " ")
	_, _, isBasic := r.BasicAuth()
	switch {
	case header == "" && r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		return "no credential names the client certificate"
	case header == "":
		return "no credential was shown"
	case isBasic:
		return "the username and the password are not among those that are valid"
	case strings.EqualFold(scheme, "bearer"):
		return "the bearer token is not one of those that are valid"
	default:
		return "the header Authorization is neither Bearer nor Basic"
	}
}
