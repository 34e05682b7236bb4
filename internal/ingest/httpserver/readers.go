package httpserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
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
	if value := r.Header.Get(tokenHeader); value != "" {
		r.Header.Set("Authorization", value)
		r.Header.Del(tokenHeader)
	}
	if s.options.Credentials == nil {
		return s.anyReader(r)
	}
	credential, err := s.authenticate(r)
	if token := jsonWebToken(r); token != "" && s.options.Reviewer != nil && errors.Is(err, auth.ErrUnauthenticated) {
		return reader{principal: auth.PrincipalOf(reviewedName, ""), token: token}, nil
	}
	if err != nil {
		return reader{}, err
	}
	return reader{principal: credential.Principal(), credential: credential}, nil
}

// reviewedName is the name of the principal of all readers with a token of the API server, which is not a valid name of a credential.
const reviewedName = "!kubernetes"

// Reviewer asks the API server about the bearer of one of its tokens.
type Reviewer interface {
	// MayList returns nil if the bearer of a token may list the ScaledObjects of a namespace; "" means all namespaces. Its error is an *auth.Error,
	// auth.ErrRateLimited, or the reason for which the API server has not answered.
	MayList(ctx context.Context, token, namespace string) error
}

// jsonWebToken returns the bearer token of a request if it has the form of those of ServiceAccounts, otherwise "".
func jsonWebToken(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "bearer") && webToken.MatchString(token) {
		return token
	}
	return ""
}

var webToken = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// review asks the API server whether the bearer of a token may read these namespaces; none means all of them. A refusal concerns a person at a terminal,
// who sees it, and no sender: it is neither logged as a warning nor reported to the objects.
func (s *Server) review(r *http.Request, who reader, namespaces []string) error {
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		err := s.options.Reviewer.MayList(r.Context(), who.token, namespace)
		if err != nil {
			s.options.Log.Debug("a reader with a token of the API server was refused", "namespace", namespace, "reason", err)
		}
		switch {
		case err == nil:
		case errors.Is(err, auth.ErrUnauthenticated):
			return echo.NewHTTPError(http.StatusUnauthorized, noAccess)
		case errors.Is(err, auth.ErrForbidden):
			return echo.NewHTTPError(http.StatusForbidden, noAccess)
		case errors.Is(err, auth.ErrRateLimited):
			return err
		default:
			return Unavailable("the API server has not answered whether the token may read this")
		}
	}
	connectionOf(r).onAuthenticated(who.principal)
	return nil
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
