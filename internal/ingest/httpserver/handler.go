package httpserver

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
)

// Route is a route by which messages come in. The server authorizes, bounds and reads its requests.
type Route struct {
	// Name is the name of the route in metrics.
	Name         string
	Method, Path string
	// MaxBody bounds the body, in bytes; 0 is DefaultMaxBody.
	MaxBody int64
	// PerElement bounds the memory of each element of a decoded JSON body, in bytes; 0 is bytesPerElement.
	PerElement int64
	// Within bounds the work on a request that has arrived; 0 is answerTimeout. A message that is not recorded by then, or not
	// answered by the leader, is answered with 503. The recording continues; once it is done, a repeat is answered at once.
	Within time.Duration
	// Anonymous: a request without a credential is allowed; Receive refuses it unless something else authenticates it, such as a
	// signature.
	Anonymous bool
	// Receive decodes and records a message. It returns how many objects select its alert where the sender asks for that, and
	// otherwise nil. It is called on the leader only.
	Receive func(ctx context.Context, r *endpoints.Request) (objects *int, err error)
	// Write is called instead of Receive, for a write request of Prometheus. It returns what was accepted, which is part of every answer.
	Write func(ctx context.Context, r *endpoints.Request) (*endpoints.Written, error)
}

// routeHandler handles the requests of one route.
type routeHandler struct {
	*Server

	route     Route
	authorize authorizer
	// forwarded: the requests come from other replicas, which have authorized them.
	forwarded bool
}

// handler returns the handler of a route.
func (s *Server) handler(route Route, authorize authorizer, forwarded bool) echo.HandlerFunc {
	if route.MaxBody == 0 {
		route.MaxBody = DefaultMaxBody
	}
	if route.PerElement == 0 {
		route.PerElement = bytesPerElement
	}
	if route.Within == 0 {
		route.Within = answerTimeout
	}
	h := &routeHandler{Server: s, route: route, authorize: authorize, forwarded: forwarded}
	return h.handle
}

// handle authorizes a request and receives it.
func (h *routeHandler) handle(c echo.Context) error {
	namespace := c.Param("namespace")
	principal, err := h.authorize(c.Request(), namespace)
	if err != nil {
		return h.refused(h.route, err)
	}
	if namespace != "" && !auth.IsNamespace(namespace) {
		return echo.NewHTTPError(http.StatusBadRequest, errNoNamespace.Error()).SetInternal(errNoNamespace)
	}
	if h.options.Tracer != nil {
		return h.traced(c, principal, func() error { return h.receive(c, namespace, principal) })
	}
	return h.receive(c, namespace, principal)
}

// receive reads an authorized request, and records it or forwards it to the leader. The limits count what was sent, not what was
// announced: memory is reserved as the body arrives, and a slot is acquired once it has arrived.
func (h *routeHandler) receive(c echo.Context, namespace string, principal auth.Principal) error {
	at := h.options.Now()
	reserved := &reservation{memory: h.memory, of: principal}
	defer reserved.release()
	body, err := read(c, h.route, reserved)
	if err != nil {
		reserved.release()
		discardRest(c)
		return h.refused(h.route, err)
	}
	if !h.slots.acquire(principal) {
		return h.refused(h.route, errBusy)
	}
	defer h.slots.release(principal)
	connectionOf(c.Request()).onArrival()
	ctx, cancel := context.WithTimeoutCause(c.Request().Context(), h.route.Within, endpoints.ErrTimeout)
	defer cancel()
	r := &endpoints.Request{
		Namespace: namespace, Credential: principal.Name, Anonymous: principal.IsAnonymous(), CountObjects: wantsCount(c.Request()),
		Param: c.Param, Header: c.Request().Header, Query: c.QueryParams(), Body: body, At: at,
	}
	r.Grow = func(bytes int64) error {
		if err := reserved.grow(bytes); err != nil {
			return h.refused(h.route, err)
		}
		return nil
	}
	switch {
	case h.options.Leading() && h.route.Write != nil:
		written, err := h.route.Write(ctx, r)
		return answerWrite(c, written, err)
	case h.options.Leading():
		if err := r.Grow(decodedSize(body, h.route.PerElement)); err != nil {
			return err
		}
		objects, err := h.route.Receive(ctx, r)
		return h.answer(c, objects, err)
	case h.forwarded:
		return Unavailable("this replica is not the leader any more")
	default:
		return h.forward(ctx, c, body, principal.Name)
	}
}

// selection is the answer to a sender that asks how many objects select its alert.
type selection struct {
	SelectedBy int `json:"selectedBy"`
}

// wantsCount reports whether a sender asks for more than a status (RFC 7240).
func wantsCount(r *http.Request) bool { return r.Header.Get("Prefer") == "return=representation" }

// answer answers a request: 200 means that its levels or alerts are durable.
func (h *routeHandler) answer(c echo.Context, objects *int, err error) error {
	if err != nil {
		return answerTo(err)
	}
	if objects != nil {
		return c.JSON(http.StatusOK, selection{*objects})
	}
	return c.NoContent(http.StatusOK)
}
