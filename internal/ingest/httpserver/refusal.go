package httpserver

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/loglimit"
)

// Reasons why a request reaches no route.
var (
	errNoRoute = errors.New("there is no such path: /openapi.yaml lists those that there are, such as /v1/alertmanager/NAMESPACE")
	errMethod  = errors.New("the path does not support this method")
	// errNoNamespace is in the answer as well.
	errNoNamespace = errors.New("the path does not name a namespace")
)

// logRefusal logs a request that was refused for good: its sender is usually a program that does not show the answer. Programs on
// one host are distinguished by their User-Agent.
func (s *Server) logRefusal(c echo.Context, answer *echo.HTTPError) {
	reason := answer.Internal
	if reason == nil {
		reason = unrouted(c.Request(), answer)
	}
	if reason == nil {
		reason = unread(c.Request(), answer)
	}
	if reason == nil {
		return
	}
	from, _, err := net.SplitHostPort(c.Request().RemoteAddr)
	if err != nil {
		from = c.Request().RemoteAddr
	}
	namespace := c.Param("namespace")
	if !auth.IsNamespace(namespace) {
		namespace = "" // The sender may have invented it.
	}
	agent, message := productOf(c.Request()), c.Path()+" "+strconv.Itoa(answer.Code)
	if times, due := s.limiter.Due(loglimit.Key{Message: message, Namespace: namespace, Sender: from + " " + agent}, s.options.Now()); due {
		s.options.Log.Warn("a request was refused", "route", cmp.Or(c.Path(), shorten(c.Request().URL.Path)), "namespace", namespace,
			"from", from, "agent", agent, "code", answer.Code, "reason", reason, "times", times)
	}
	s.reportRefusal(namespace, from, answer.Code, reason)
}

// reportRefusal reports a refusal to the objects of the namespace that the request names. The reason names no other namespace.
func (s *Server) reportRefusal(namespace, from string, code int, why error) {
	if namespace == "" || s.options.OnRefused == nil {
		return
	}
	if code == http.StatusForbidden {
		why = auth.ErrForbidden
	}
	if _, due := s.limiter.Due(loglimit.Key{Message: "refused", Namespace: namespace}, s.options.Now()); due {
		s.options.OnRefused(namespace, fmt.Sprintf("%s (a request from %s was answered with %d)", why, from, code))
	}
}

// unrouted returns why a request below /v1 reaches no route. It returns nil for one that does, and for other paths, which scanners
// request.
func unrouted(r *http.Request, answer *echo.HTTPError) error {
	switch {
	case !strings.HasPrefix(r.URL.Path, "/v1/"):
		return nil
	case errors.Is(answer, echo.ErrNotFound):
		return errNoRoute
	case errors.Is(answer, echo.ErrMethodNotAllowed):
		return errMethod
	default:
		return nil
	}
}

// unread returns why the body of a message was not read to its end for good: it is too large, or encoded. It returns nil for another answer.
func unread(r *http.Request, answer *echo.HTTPError) error {
	switch {
	case !strings.HasPrefix(r.URL.Path, "/v1/"):
		return nil
	case answer.Code == http.StatusRequestEntityTooLarge, answer.Code == http.StatusUnsupportedMediaType:
		return errors.New(fmt.Sprint(answer.Message))
	default:
		return nil
	}
}

// productOf returns the name of the program in the User-Agent of a request, without its version.
func productOf(r *http.Request) string {
	name, _, _ := strings.Cut(r.UserAgent(), "/")
	return shorten(name)
}

// shorten bounds a text of a sender that is logged.
func shorten(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
