package httpserver

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

// Answers to requests beyond a limit. The code is never 429: Alertmanager does not repeat a delivery after that.
var (
	errBusy    = Unavailable("too many requests of this sender at once")
	errRate    = Unavailable(auth.ErrRateLimited.Error())
	errMemory  = Unavailable("too many bytes of this sender at once")
	errStreams = Unavailable("too many streams at once")
)

// noAccess is the whole body of 401 and of 403, so that a sender does not learn what would be allowed.
const noAccess = "no access"

// authorizer returns the principal of a request if it may send to a namespace. Its error is one of package auth, or an *echo.HTTPError
// that is sent as it is.
type authorizer func(r *http.Request, namespace string) (auth.Principal, error)

// authorize authenticates a request, and authorizes it for the namespace. Without configured credentials it allows every request.
func (s *Server) authorize(r *http.Request, namespace string) (auth.Principal, error) {
	if s.options.Credentials == nil {
		return auth.PrincipalOf("", namespace), nil
	}
	credential, err := s.authenticate(r)
	if err != nil {
		return auth.Principal{}, err
	}
	return credential.Principal(), credential.Authorize(namespace)
}

// authorizeAnonymous is like authorize, and allows requests without a credential as well, within the rate of their namespace.
func (s *Server) authorizeAnonymous(r *http.Request, namespace string) (auth.Principal, error) {
	principal, err := s.authorize(r, namespace)
	if !errors.Is(err, auth.ErrUnauthenticated) || r.Header.Get("Authorization") != "" {
		return principal, err
	}
	if auth.IsNamespace(namespace) && !s.anonymous.Allow(namespace, s.options.Now()) {
		return auth.Principal{}, auth.ErrRateLimited
	}
	return auth.PrincipalOf(auth.Anonymous, namespace), nil
}

// authenticate returns the credential of a request. From then on its connection counts as the credential's.
func (s *Server) authenticate(r *http.Request) (*auth.Credential, error) {
	credential, err := s.options.Credentials.Authenticate(r, s.options.Now())
	if err == nil {
		connectionOf(r).onAuthenticated(credential.Principal())
	}
	return credential, err
}

// requireCredential is a middleware for routes that any credential may read.
func (s *Server) requireCredential(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.options.Credentials != nil {
			if _, err := s.authenticate(c.Request()); err != nil {
				return s.refused(Route{Name: "metrics"}, err)
			}
		}
		return next(c)
	}
}

// refused returns the answer to a request that was refused before it was decoded, and counts it where a limit is the reason.
func (s *Server) refused(route Route, err error) error {
	var limit string
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		return echo.NewHTTPError(http.StatusUnauthorized, noAccess).SetInternal(err)
	case errors.Is(err, auth.ErrForbidden):
		return echo.NewHTTPError(http.StatusForbidden, noAccess).SetInternal(err)
	case errors.Is(err, auth.ErrRateLimited):
		limit, err = "rate", errRate
	case errors.Is(err, errBusy):
		limit = "concurrency"
	case errors.Is(err, errMemory):
		limit = "memory"
	case errors.Is(err, errStreams):
		limit = "streams"
	default:
		return err
	}
	s.metrics.limited.WithLabelValues(route.Name, limit).Inc()
	return err
}
