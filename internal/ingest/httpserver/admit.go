package httpserver

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
)

// What is beyond a limit may be tried again. It is never 429: Alertmanager does not repeat after that.
var (
	errBusy   = Unavailable("too many requests of this sender at once")
	errRate   = Unavailable("too many requests of this sender in a second")
	errMemory = Unavailable("too many bytes of this sender at once")
)

// noAccess is the whole body of 401 and of 403: neither says what would have been let in.
const noAccess = "no access"

// admit lets in who has a credential for the namespace, or everybody when there are no credentials.
func (s *Server) admit(r *http.Request, namespace string) (visitor, error) {
	if s.options.Credentials == nil {
		return visitor{principal: principalOf("", namespace)}, nil
	}
	one, err := s.known(r)
	if err != nil {
		return visitor{}, err
	}
	if !one.opens(namespace) {
		return visitor{}, refuse(http.StatusForbidden, one.elsewhere())
	}
	return visitor{credential: one.name, principal: one.principal()}, nil
}

// admitStrangers is like admit, and lets in requests that show no credential at all, within the rate of their namespace.
func (s *Server) admitStrangers(r *http.Request, namespace string) (visitor, error) {
	who, err := s.admit(r, namespace)
	refused, ok := errors.AsType[*echo.HTTPError](err)
	if !ok || refused.Code != http.StatusUnauthorized || r.Header.Get("Authorization") != "" {
		return who, err
	}
	if isNamespace(namespace) && !s.strangers.allow(namespace, s.options.Now()) {
		return visitor{}, errRate
	}
	return visitor{credential: stranger, principal: principalOf(stranger, namespace)}, nil
}

// known returns the credential of a request, within its rate. From then on the connection counts as the credential's.
func (s *Server) known(r *http.Request) (*credential, error) {
	one, ok := find(*s.options.Credentials.all.Load(), r)
	if !ok {
		return nil, refuse(http.StatusUnauthorized, unknown(r))
	}
	if !one.rate.AllowN(s.options.Now(), 1) {
		return nil, errRate
	}
	connectionOf(r).authenticated(one.principal())
	return one, nil
}

// anyone is a middleware for what any credential may read.
func (s *Server) anyone(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if s.options.Credentials != nil {
			if _, err := s.known(c.Request()); err != nil {
				return s.limited(Route{Name: "metrics"}, err)
			}
		}
		return next(c)
	}
}

// limited counts an answer that a limit is the reason of.
func (s *Server) limited(route Route, err error) error {
	switch {
	case errors.Is(err, errBusy):
		s.metrics.away.WithLabelValues(route.Name, "concurrency").Inc()
	case errors.Is(err, errRate):
		s.metrics.away.WithLabelValues(route.Name, "rate").Inc()
	case errors.Is(err, errMemory):
		s.metrics.away.WithLabelValues(route.Name, "memory").Inc()
	}
	return err
}
