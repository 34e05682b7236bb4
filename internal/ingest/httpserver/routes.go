package httpserver

import (
	_ "embed" // For openAPI.
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/impulse-sh/impulse/internal/printable"
)

// openAPI describes every route.
//
//go:embed openapi.yaml
var openAPI []byte

// publicRoutes returns the routes for senders, Prometheus and the kubelet.
func (s *Server) publicRoutes() http.Handler {
	names := map[string]string{"/healthz": "healthz", "/readyz": "readyz", "/metrics": "metrics", "/openapi.yaml": "openapi"}
	e := s.router(names)
	for _, route := range s.receivingRoutes() {
		names[route.Path] = route.Name
		s.metrics.duration.WithLabelValues(route.Name) // It is exported as 0 before the first request.
		authorize := s.authorize
		if route.Anonymous {
			authorize = s.authorizeAnonymous
		}
		e.Add(route.Method, route.Path, s.handler(route, authorize, false))
	}
	s.addLiveRoutes(e, names, "", s.readerFromHeader)
	s.addHealthRoutes(e)
	e.GET("/metrics", s.scrape, s.requireCredential, middleware.Gzip())
	e.GET("/openapi.yaml", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/yaml", openAPI) })
	return e
}

// healthRoutes returns the routes for probes on a listener of their own.
func (s *Server) healthRoutes() http.Handler {
	e := s.router(map[string]string{"/healthz": "healthz", "/readyz": "readyz"})
	s.addHealthRoutes(e)
	return e
}

// addHealthRoutes adds the routes for probes.
func (s *Server) addHealthRoutes(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", s.ready)
}

// router returns a router that counts requests by the names of their paths, and answers errors and panics.
func (s *Server) router(names map[string]string) *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.answerError
	e.Use(discardUnread, s.countRequests(names), s.recoverPanics)
	return e
}

// ready answers whether the process is ready, or why not. Namespaces without space for more alerts are listed as well, and do not make it
// unready.
func (s *Server) ready(c echo.Context) error {
	if err := s.options.Ready(); err != nil {
		return c.String(http.StatusServiceUnavailable, err.Error()+"\n")
	}
	lines := []string{"ok"}
	if s.options.CapacityWarnings != nil {
		lines = append(lines, s.options.CapacityWarnings()...)
	}
	return c.String(http.StatusOK, strings.Join(lines, "\n")+"\n")
}

// recoverPanics is a middleware that answers a panic with 500 and logs it.
func (s *Server) recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
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

// answerError answers a request that failed, in one line of text.
func (s *Server) answerError(err error, c echo.Context) {
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
	if code == http.StatusUnauthorized && c.Get(noChallengeKey) == nil {
		header := c.Response().Header()
		header.Add("WWW-Authenticate", `Bearer realm="impulse"`)
		header.Add("WWW-Authenticate", `Basic realm="impulse", charset="UTF-8"`)
	}
	message = printable.Line(message, printable.Longest) + "\n" // It may contain text of the request.
	// With a length the answer is complete before discardUnread reads the rest of the body.
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(message)))
	if err := c.String(code, message); err != nil {
		s.options.Log.Debug("an answer was not delivered", "error", err)
	}
}
