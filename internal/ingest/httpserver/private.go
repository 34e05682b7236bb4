package httpserver

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

// private is everything that is served to the other replicas: the same doors. What comes in there is never passed on again.
func (s *Server) private() http.Handler {
	names := map[string]string{forward.Path: "peer"}
	e := s.router(names)
	for _, route := range s.receivingRoutes() {
		route.Name = "peer/" + route.Name
		names[route.Path] = route.Name
		e.Add(route.Method, route.Path, s.handler(route, s.authorizePeer, true))
	}
	e.GET(forward.Path, s.heard)
	return e
}

// authorizePeer lets another replica in, by the name of the credential that it has checked.
func (s *Server) authorizePeer(r *http.Request, namespace string) (auth.Principal, error) {
	credential, err := s.options.AuthenticatePeer(r)
	switch {
	case err == nil:
		p := auth.PrincipalOf(credential, namespace)
		connectionOf(r).authenticated(p)
		return p, nil
	case errors.Is(err, forward.ErrRefused):
		return auth.Principal{}, echo.NewHTTPError(http.StatusUnauthorized, noAccess)
	default:
		s.options.Log.Warn("another replica is not let in", "error", err)
		return auth.Principal{}, Unavailable("it is not known who may come in here")
	}
}

// heard tells another replica whether what it passes on would be taken.
func (s *Server) heard(c echo.Context) error {
	if _, err := s.authorizePeer(c.Request(), ""); err != nil {
		return err
	}
	if !s.options.Leading() {
		return Unavailable("this replica does not lead")
	}
	return c.NoContent(http.StatusOK)
}
