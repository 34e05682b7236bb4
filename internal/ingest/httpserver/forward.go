package httpserver

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

// Forwarder forwards a message to the leader and returns its answer, or an error if there was no answer. *forward.Client is one.
type Forwarder interface {
	Forward(ctx context.Context, m forward.Message) (forward.Answer, error)
	// Open returns an answer as soon as its header has arrived. The caller closes its body.
	Open(ctx context.Context, m forward.Message) (*http.Response, error)
}

// forward forwards a request to the leader, and answers it with the leader's answer.
func (h *routeHandler) forward(ctx context.Context, c echo.Context, body []byte, credential string) error {
	r := c.Request()
	if h.options.Forward == nil {
		return Unavailable("this replica is not the leader")
	}
	answer, err := h.forwardTraced(ctx, forward.Message{
		Method: r.Method, URI: r.URL.RequestURI(), Header: r.Header, Body: body, Credential: credential,
	})
	if err != nil {
		h.metrics.forwarded.WithLabelValues("failed").Inc()
		h.options.Log.Debug("a message was not forwarded", "path", r.URL.Path, "credential", credential, "error", err)
		return Unavailable("the leader cannot be reached, try again")
	}
	h.metrics.forwarded.WithLabelValues("answered").Inc()
	for _, name := range writtenHeaders {
		if value := answer.Header.Get(name); value != "" {
			c.Response().Header().Set(name, value)
		}
	}
	if answer.Text == "" {
		return c.NoContent(answer.Code)
	}
	return c.String(answer.Code, answer.Text)
}
