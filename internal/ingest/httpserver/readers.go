package httpserver

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

// tokenHeader may carry the credential instead of Authorization, which a proxy may use for itself: the API server's service proxy does.
const tokenHeader = "Impulse-Authorization"

// errHost is the answer to a request with a host of another name, while no credentials are configured. A web site whose name resolves to
// loopback could read everything otherwise.
var errHost = errors.New("the host of the request is not a name of this machine: use localhost, or configure credentials")

// readerFromHeader authenticates a request to read by its headers or its client certificate.
func (s *Server) readerFromHeader(r *http.Request) (reader, error) {
	if s.options.Credentials == nil {
		return s.anyReader(r)
	}
	if value := r.Header.Get(tokenHeader); value != "" {
		r.Header.Set("Authorization", value)
		r.Header.Del(tokenHeader)
	}
	credential, err := s.authenticate(r)
	if err != nil {
		return reader{}, err
	}
	return reader{principal: credential.Principal(), credential: credential}, nil
}

// readerFromBrowser is like readerFromHeader, and accepts a session as well.
func (s *Server) readerFromBrowser(r *http.Request) (reader, error) {
	cookie, err := r.Cookie(sessionCookie)
	if s.options.Credentials == nil || err != nil || r.Header.Get("Authorization") != "" || r.Header.Get(tokenHeader) != "" {
		return s.readerFromHeader(r)
	}
	credential, err := s.options.Credentials.Resume(cookie.Value, s.options.Now())
	if err != nil {
		return reader{}, err
	}
	connectionOf(r).onAuthenticated(credential.Principal())
	return reader{principal: credential.Principal(), credential: credential}, nil
}

// anyReader returns the reader of a request while no credentials are configured.
func (s *Server) anyReader(r *http.Request) (reader, error) {
	if !s.options.AllowFromAnywhere && !isLoopback(r.Host) {
		return reader{}, echo.NewHTTPError(http.StatusForbidden, errHost.Error()).SetInternal(errHost)
	}
	return reader{principal: auth.PrincipalOf("", "")}, nil
}

// isLoopback reports whether a host, or host:port, is a name of this machine.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
