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
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// Why a request reaches no route.
var (
	errNoRoute = errors.New("there is no such path: /openapi.yaml lists those that there are, such as /v1/alertmanager/NAMESPACE")
	errMethod  = errors.New("the path does not take this method")
	// The sender is told this one, too.
	errNoNamespace = errors.New("the path does not name a namespace")
)

// logRefusal logs a request that was refused for good: its sender is an Alertmanager or another program, which shows nobody the
// answer. Programs on one host are told apart by their User-Agent.
func (s *Server) logRefusal(c echo.Context, answer *echo.HTTPError) {
	reason := answer.Internal
	if reason == nil {
		reason = unrouted(c.Request(), answer)
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
		namespace = "" // It is anybody's word.
	}
	agent, what := product(c.Request()), c.Path()+" "+strconv.Itoa(answer.Code)
	if times, due := s.notices.due(notice{what, namespace, from + " " + agent}, s.options.Now()); due {
		s.options.Log.Warn("a request was refused", "route", cmp.Or(c.Path(), shorten(c.Request().URL.Path)), "namespace", namespace,
			"from", from, "agent", agent, "code", answer.Code, "reason", reason, "times", times)
	}
	s.tellRefusal(namespace, from, answer)
}

// tellRefusal passes a refusal on to the objects of the namespace that the request names, in words that name no other namespace.
func (s *Server) tellRefusal(namespace, from string, answer *echo.HTTPError) {
	if namespace == "" || s.options.Refused == nil {
		return
	}
	why := answer.Internal
	if answer.Code == http.StatusForbidden {
		why = auth.ErrForbidden
	}
	if _, due := s.notices.due(notice{"refused", namespace, ""}, s.options.Now()); due {
		s.options.Refused(namespace, fmt.Sprintf("%s (a request from %s was answered with %d)", why, from, answer.Code))
	}
}

// unrouted returns why a request to the receivers reaches no route; nil for one that does, and for other paths, which any scanner
// asks for.
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

// product returns the name of the program that sent a request, without its version, as its User-Agent says.
func product(r *http.Request) string {
	name, _, _ := strings.Cut(r.UserAgent(), "/")
	return shorten(name)
}

// logUnselected logs that a delivery was recorded and changes nothing, as no object selects what is in it.
func (s *Server) logUnselected(d *store.Delivery, r *store.Result) {
	if r.Unselected == 0 || d.Endpoint.Object != "" {
		return
	}
	namespace := cmp.Or(d.Endpoint.Namespace, auth.AllNamespaces)
	what := "unselected"
	if !r.Listening {
		what = "unheard"
	}
	times, due := s.notices.due(notice{what, namespace, d.Endpoint.Credential}, d.At)
	switch {
	case !due:
	case r.Listening:
		s.options.Log.Info("alerts were recorded that no object selects", "namespace", namespace, "credential", d.Endpoint.Credential,
			"alerts", r.Unselected, "alertname", shorten(r.Example), "times", times)
	default:
		s.options.Log.Warn("alerts were recorded for a namespace in which no object selects alerts: is it the right one in the URL?",
			"namespace", namespace, "credential", d.Endpoint.Credential, "alerts", r.Unselected, "alertname", shorten(r.Example), "times", times)
	}
}
