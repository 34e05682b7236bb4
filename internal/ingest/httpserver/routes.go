package httpserver

import (
	_ "embed" // For openAPI.
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/impulse-sh/impulse/internal/printable"
)

// openAPI describes every route, for those who write clients.
//
//go:embed openapi.yaml
var openAPI []byte

// public is everything that is served to senders, to Prometheus and to the kubelet.
func (s *Server) public() http.Handler {
	names := map[string]string{"/healthz": "healthz", "/readyz": "readyz", "/metrics": "metrics", "/openapi.yaml": "openapi"}
	e := s.router(names)
	for _, route := range s.receivingRoutes() {
		names[route.Path] = route.Name
		s.metrics.duration.WithLabelValues(route.Name) // So that it is there, with 0, before the first.
		authorize := s.authorize
		if route.Anonymous {
			authorize = s.authorizeAnonymous
		}
		e.Add(route.Method, route.Path, s.handler(route, authorize, false))
	}
	s.answerProbes(e)
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.options.Registry, promhttp.HandlerOpts{})), s.authenticated)
	e.GET("/openapi.yaml", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/yaml", openAPI) })
	return e
}

// probed is what is served to probes on a listener of their own.
func (s *Server) probed() http.Handler {
	e := s.router(map[string]string{"/healthz": "healthz", "/readyz": "readyz"})
	s.answerProbes(e)
	return e
}

// answerProbes adds the routes of probes.
func (s *Server) answerProbes(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.ready)
}

// router counts its requests by the names of their paths, and survives them.
func (s *Server) router(names map[string]string) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.failed
	e.Use(lingering, s.counted(names), s.survive)
	return e
}

// ready says whether the process can do its work, and why not; and whose alerts there is no room for, which is no reason to send
// others elsewhere.
func (s *Server) ready(c echo.Context) error {
	if err := s.options.Ready(); err != nil {
		return c.String(http.StatusServiceUnavailable, err.Error()+"\n")
	}
	lines := []string{"ok"}
	if s.options.Full != nil {
		lines = append(lines, s.options.Full()...)
	}
	return c.String(http.StatusOK, strings.Join(lines, "\n")+"\n")
}

// survive turns a panic in a handler into a 500 and a log line.
func (s *Server) survive(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				s.options.Log.Error("a request panicked", "path", c.Path(), "panic", p)
				err = echo.NewHTTPError(http.StatusInternalServerError, "internal error")
			}
		}()
		return next(c)
	}
}

// failed answers a request that went wrong, in one line of text.
func (s *Server) failed(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	code, message := http.StatusInternalServerError, "internal error"
	if known, ok := errors.AsType[*echo.HTTPError](err); ok {
		code, message = known.Code, fmt.Sprint(known.Message)
		s.logRefusal(c, known)
	} else {
		s.options.Log.Error("a request failed", "path", c.Path(), "error", err)
	}
	if code == http.StatusUnauthorized {
		header := c.Response().Header()
		header.Add("WWW-Authenticate", `Bearer realm="impulse"`)
		header.Add("WWW-Authenticate", `Basic realm="impulse", charset="UTF-8"`)
	}
	message = printable.Line(message, printable.Longest) + "\n" // It may repeat words of the request.
	// It is complete before the handler ends, which may have a body to discard still.
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(message)))
	if err := c.String(code, message); err != nil {
		s.options.Log.Debug("an answer was not delivered", "error", err)
	}
}
