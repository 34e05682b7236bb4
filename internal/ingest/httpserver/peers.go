package httpserver

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

// peerPrefix precedes the names of the routes for other replicas in metrics.
const peerPrefix = "peer/"

// peerRoutes returns the routes for the other replicas. A request to them is never forwarded again.
func (s *Server) peerRoutes() http.Handler {
	names := map[string]string{forward.Path: "peer"}
	e := s.router(names)
	for _, route := range s.receivingRoutes() {
		route.Name = peerPrefix + route.Name
		names[route.Path] = route.Name
		e.Add(route.Method, route.Path, s.handler(route, s.authorizePeer, true))
	}
	s.addLiveRoutes(e, names, peerPrefix, s.readerFromPeer)
	e.GET(forward.Path, s.answerProbe)
	return e
}

// authorizePeer authenticates another replica, and returns the principal that the replica has authorized for the namespace.
func (s *Server) authorizePeer(r *http.Request, namespace string) (auth.Principal, error) {
	credential, err := s.options.AuthenticatePeer(r)
	switch {
	case err == nil:
		p := auth.PrincipalOf(credential, namespace)
		connectionOf(r).onAuthenticated(p)
		return p, nil
	case errors.Is(err, forward.ErrUnauthorized):
		return auth.Principal{}, echo.NewHTTPError(http.StatusUnauthorized, noAccess)
	default:
		s.options.Log.Warn("another replica could not be authenticated", "error", err)
		return auth.Principal{}, Unavailable("the key of the replicas is not known at the moment")
	}
}

// readerFromPeer authenticates another replica, which has authorized the request.
func (s *Server) readerFromPeer(r *http.Request) (reader, error) {
	principal, err := s.authorizePeer(r, "")
	return reader{principal: principal}, err
}

// answerProbe answers whether this replica records the messages that another one forwards.
func (s *Server) answerProbe(c echo.Context) error {
	if _, err := s.authorizePeer(c.Request(), ""); err != nil {
		return err
	}
	if !s.options.Leading() {
		return Unavailable("this replica is not the leader")
	}
	return c.NoContent(http.StatusOK)
}
