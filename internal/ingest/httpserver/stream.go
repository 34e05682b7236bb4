package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

const (
	// maxStreams bounds the streams at once. A principal may have half of them.
	maxStreams = 128
	// slowWrite is the time that the write of an event may take. A client that is slower is told so, and a write of more than longestWrite
	// closes the connection.
	slowWrite    = 5 * time.Second
	longestWrite = 15 * time.Second
	// checkInterval is how often the credential of a stream is checked.
	checkInterval = 10 * time.Second
	// maxBuilding bounds the answers that are built at once.
	maxBuilding = 4

	contentTypeEvents = "text/event-stream"
)

// Reasons for which a stream ends. The text of all but errCopied is sent to the client.
var (
	errSlow       = errors.New("the client reads too slowly")
	errStopping   = errors.New("this replica stops")
	errSignedOut  = errors.New("the credential is not valid any more")
	errLeaderLost = errors.New("the connection to the leader was lost")
	// errCopied: the leader has ended the stream, and said why.
	errCopied = errors.New("the leader has ended the stream")
)

// streams counts the open streams of each principal. It is safe for concurrent use.
type streams struct {
	mu    sync.Mutex
	total int
	of    map[auth.Principal]int
}

// acquire counts a stream, and reports false if there are too many.
func (s *streams) acquire(p auth.Principal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxStreams || s.of[p] >= maxStreams/2 {
		return false
	}
	s.total++
	s.of[p]++
	return true
}

// release ends the count of a stream.
func (s *streams) release(p auth.Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.of[p]--; s.of[p] == 0 {
		delete(s.of, p)
	}
}

// eventStream writes server-sent events to one client.
type eventStream struct {
	c          echo.Context
	controller *http.ResponseController
	// check returns an error once the client may not read any longer; checked is when it was called last.
	check   func() error
	checked time.Time
	begun   bool
}

// isStream reports whether a request was answered with server-sent events, which last as long as the client wants.
func isStream(c echo.Context) bool {
	return c.Response().Header().Get(echo.HeaderContentType) == contentTypeEvents
}

// stream answers with server-sent events: those of this replica, or those of the leader.
func (h *liveHandler) stream(c echo.Context, who reader, q LiveQuery) error {
	if !h.streams.acquire(who.principal) {
		return h.refused(Route{Name: h.route.name}, errStreams)
	}
	h.metrics.streams.Inc()
	defer func() {
		h.metrics.streams.Dec()
		h.streams.release(who.principal)
	}()
	connectionOf(c.Request()).onArrival()
	ctx, cancel := context.WithCancelCause(c.Request().Context())
	defer cancel(nil)
	defer context.AfterFunc(h.stopping, func() { cancel(errStopping) })()
	c.SetRequest(c.Request().WithContext(ctx))
	out := &eventStream{c: c, controller: http.NewResponseController(c.Response()), checked: time.Now(), check: func() error {
		if h.forwarded {
			return nil // The other replica checks it.
		}
		if _, _, err := h.authorize(c); err != nil {
			return errSignedOut
		}
		return nil
	}}
	err := h.feed(ctx, c, out, who, q)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return h.end(out, err)
}

// feed writes events until the stream is to end, and returns the reason.
func (h *liveHandler) feed(ctx context.Context, c echo.Context, out *eventStream, who reader, q LiveQuery) error {
	if h.options.Leading() {
		return h.options.Live.Watch(ctx, q, out.send)
	}
	return h.forwardStream(ctx, c, out, who, q)
}

// end tells a client why its stream ends, and counts the reason. If it has not begun, the reason is the answer.
func (h *liveHandler) end(out *eventStream, err error) error {
	reason := endOf(err)
	h.metrics.streamsEnded.WithLabelValues(reason).Inc()
	if !out.begun {
		if answer, ok := errors.AsType[*echo.HTTPError](err); ok {
			return answer
		}
		if out.c.Response().Committed || err == nil {
			return nil
		}
		return liveError(err)
	}
	if reason == "client" || reason == "leader" && errors.Is(err, errCopied) {
		return nil
	}
	text, encodeErr := json.Marshal(map[string]string{"reason": reason, "message": err.Error()})
	if encodeErr == nil {
		out.checked = time.Now()
		_ = out.write(fmt.Appendf(nil, "\n\nevent: bye\ndata: %s\n\n", text)) // After an event of which only a part has arrived.
	}
	return nil
}

// endOf returns the reason for which a stream ended, as a word.
func endOf(err error) string {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, errWrite):
		return "client"
	case errors.Is(err, errSlow):
		return "slow"
	case errors.Is(err, errStopping):
		return "stopping"
	case errors.Is(err, errSignedOut):
		return "credential"
	default:
		return "leader"
	}
}

// errWrite is returned when an event cannot be written.
var errWrite = errors.New("the client is gone")

// send writes one event.
func (s *eventStream) send(event string, data []byte) error {
	return s.write(fmt.Appendf(make([]byte, 0, len(data)+len(event)+16), "event: %s\ndata: %s\n\n", event, data))
}

// write writes whole events, or parts of them in order. It returns an error if the stream is to end.
func (s *eventStream) write(text []byte) error {
	if !s.begun {
		s.begin()
	}
	if time.Since(s.checked) >= checkInterval {
		s.checked = time.Now()
		if err := s.check(); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := s.controller.SetWriteDeadline(began.Add(longestWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errWrite
	}
	if _, err := s.c.Response().Write(text); err != nil {
		return errWrite
	}
	if err := s.controller.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return errWrite
	}
	if time.Since(began) > slowWrite {
		return errSlow
	}
	return nil
}

// begin writes the header.
func (s *eventStream) begin() {
	s.begun = true
	header := s.c.Response().Header()
	header.Set(echo.HeaderContentType, contentTypeEvents)
	header.Set("X-Accel-Buffering", "no") // Some proxies would collect the events otherwise.
	header.Set("Connection", "close")
	s.c.Response().WriteHeader(http.StatusOK)
}
