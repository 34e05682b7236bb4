package httpserver

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

// openLeader forwards a request to read, and returns the leader's answer, whose body the caller closes.
func (h *liveHandler) openLeader(ctx context.Context, c echo.Context, who reader, q LiveQuery) (*http.Response, error) {
	r := c.Request()
	if h.options.Forward == nil {
		return nil, Unavailable("this replica is not the leader")
	}
	response, err := h.options.Forward.Open(ctx, forward.Message{
		Method: r.Method, URI: q.uri(r.URL.EscapedPath()), Header: r.Header, Credential: who.principal.Name,
	})
	if err != nil {
		h.metrics.forwarded.WithLabelValues("failed").Inc()
		h.options.Log.Debug("a request was not forwarded", "path", r.URL.Path, "credential", who.principal.Name, "error", err)
		return nil, Unavailable("the leader cannot be reached, try again")
	}
	h.metrics.forwarded.WithLabelValues("answered").Inc()
	return response, nil
}

// forwardRead answers a request with the leader's answer.
func (h *liveHandler) forwardRead(c echo.Context, who reader, q LiveQuery) error {
	response, err := h.openLeader(c.Request().Context(), c, who, q)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return c.Stream(response.StatusCode, response.Header.Get(echo.HeaderContentType), response.Body)
}

// forwardStream copies the events of the leader as they arrive. It returns why the stream ends.
func (h *liveHandler) forwardStream(ctx context.Context, c echo.Context, out *eventStream, who reader, q LiveQuery) error {
	response, err := h.openLeader(ctx, c, who, q)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return c.Stream(response.StatusCode, response.Header.Get(echo.HeaderContentType), response.Body)
	}
	part := make([]byte, 64<<10)
	for {
		n, err := response.Body.Read(part)
		if n > 0 {
			if err := out.write(part[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return errCopied
		case err != nil:
			return errLeaderLost
		}
	}
}
