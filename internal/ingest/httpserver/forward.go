package httpserver

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

// Forwarder passes a message on to the leader, and returns its answer; an error when nobody has answered. peer.Client is
// one.
type Forwarder interface {
	Forward(ctx context.Context, m forward.Message) (forward.Answer, error)
}

// pass hands a request over to the leader, and its answer back.
func (s *Server) pass(ctx context.Context, c echo.Context, r *Request) error {
	if s.options.Forward == nil {
		return Unavailable("this replica is not the leader")
	}
	answer, err := s.options.Forward.Forward(ctx, forward.Message{
		Method: r.HTTP.Method, URI: r.HTTP.URL.RequestURI(), Header: r.HTTP.Header, Body: r.Body, Credential: r.Door.Credential,
	})
	if err != nil {
		s.metrics.passed.WithLabelValues("failed").Inc()
		s.options.Log.Debug("a delivery was not passed on", "door", r.Door.String(), "error", err)
		return Unavailable("the leader cannot be reached, try again")
	}
	s.metrics.passed.WithLabelValues("answered").Inc()
	if answer.Text == "" {
		return c.NoContent(answer.Code)
	}
	return c.String(answer.Code, answer.Text)
}
