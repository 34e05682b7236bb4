package httpserver

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/store"
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
	// answered by the leader, is answered with 503. It goes on to be recorded, and a repeat is answered at once when it is.
	Within time.Duration
	// Anonymous: a request without a credential is allowed; Receive refuses it unless something else authenticates it, such as a
	// signature.
	Anonymous bool
	// Receive decodes and records a message. It returns how many objects select its alert where the sender asks for that, and
	// otherwise nil. It is called on the leader only.
	Receive func(ctx context.Context, r *Request) (objects *int, err error)
}

// Request is a request that was authorized and has arrived whole.
type Request struct {
	// HTTP has the header and the query, without the sender's credential if another replica forwarded it. Its body has been read.
	HTTP *http.Request
	// Param returns a parameter of the path, "" when the path has none of that name.
	Param func(name string) string
	// Endpoint has the namespace of the path, "" for the cluster-wide receiver, and the name of the credential.
	Endpoint store.Endpoint
	Body     []byte
	// At is when the leader received it.
	At time.Time
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

// handle authorizes and reads a request, and records it or forwards it to the leader. The limits count what was sent, not what was
// announced: memory is reserved as the body arrives, and a slot is acquired once it has arrived.
func (h *routeHandler) handle(c echo.Context) error {
	namespace := c.Param("namespace")
	principal, err := h.authorize(c.Request(), namespace)
	if err != nil {
		return h.refused(h.route, err)
	}
	if namespace != "" && !auth.IsNamespace(namespace) {
		return echo.NewHTTPError(http.StatusBadRequest, errNoNamespace.Error()).SetInternal(errNoNamespace)
	}
	at := h.options.Now()
	reserved := &reservation{memory: h.memory, of: principal}
	defer reserved.release()
	body, err := read(c, h.route.MaxBody, reserved)
	if err != nil {
		reserved.release()
		discardRest(c)
		return h.refused(h.route, err)
	}
	if !h.slots.acquire(principal) {
		return h.refused(h.route, errBusy)
	}
	defer h.slots.release(principal)
	connectionOf(c.Request()).arrived()
	ctx, cancel := context.WithTimeoutCause(c.Request().Context(), h.route.Within, endpoints.ErrTimeout)
	defer cancel()
	r := &Request{
		HTTP: c.Request().WithContext(ctx), Param: c.Param, Body: body, At: at,
		Endpoint: store.Endpoint{Namespace: namespace, Credential: principal.Name},
	}
	switch {
	case h.options.Leading():
		if err := reserved.grow(decoded(body, h.route.PerElement)); err != nil {
			return h.refused(h.route, err)
		}
		return h.receive(ctx, c, r)
	case h.forwarded:
		return Unavailable("this replica does not lead any more")
	default:
		return h.forward(ctx, c, r)
	}
}

// selection is the answer to a sender that asks how many objects select its alert.
type selection struct {
	SelectedBy int `json:"selectedBy"`
}

// receive hands a request to the receiver, and answers it: 200 means that its levels or alerts are durable.
func (h *routeHandler) receive(ctx context.Context, c echo.Context, r *Request) error {
	objects, err := h.route.Receive(ctx, r)
	if err != nil {
		return answerTo(err)
	}
	if objects != nil {
		return c.JSON(http.StatusOK, selection{*objects})
	}
	return c.NoContent(http.StatusOK)
}
