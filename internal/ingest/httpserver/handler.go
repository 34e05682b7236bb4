package httpserver

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// Route is a door: everything that may knock, be too large or be repeated is dealt with here, and Decode says what a
// request means.
type Route struct {
	// Name is the route's in metrics.
	Name         string
	Method, Path string
	// MaxBody bounds the body, in bytes; 0 is DefaultMaxBody.
	MaxBody int64
	// PerElement bounds what each element of a JSON body takes in memory when it is decoded, in bytes; 0 is bytesPerElement.
	PerElement int64
	// Within bounds the work on a request that has arrived; 0 is answerTimeout. What is not recorded by then, or not answered by
	// the leader, is answered with 503: it goes on to be recorded, and who sends it again is answered at once when it is.
	Within time.Duration
	// Anonymous: a request without a credential is allowed; Decode refuses it unless something else authenticates it, such as a
	// signature.
	Anonymous bool
	// Decode says what a request delivers, within the namespace of its door: nothing is nothing to record, and answered with
	// 200. An *echo.HTTPError is answered as it says: 4xx only for what can never become valid, Unavailable for what may pass.
	// It is called on the leader only.
	Decode func(*Request) ([]store.Delivery, error)
}

// Request is a request that was let in and has arrived whole.
type Request struct {
	// HTTP has the header and the query, without the sender's credential once it was passed on. Its body has been read.
	HTTP *http.Request
	// Param is a parameter of the path, "" when the path has none of that name.
	Param func(name string) string
	// Door is the namespace of the path, "" for the cluster-wide door, and the name of the credential.
	Door store.Endpoint
	Body []byte
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
	ctx, cancel := context.WithTimeoutCause(c.Request().Context(), h.route.Within, errTooLong)
	defer cancel()
	r := &Request{
		HTTP: c.Request().WithContext(ctx), Param: c.Param, Body: body, At: at,
		Door: store.Endpoint{Namespace: namespace, Credential: principal.Name},
	}
	switch {
	case h.options.Leading():
		if err := reserved.grow(decoded(body, h.route.PerElement)); err != nil {
			return h.refused(h.route, err)
		}
		return h.deliver(ctx, c, h.route, r)
	case h.forwarded:
		return Unavailable("this replica does not lead any more")
	default:
		return h.pass(ctx, c, r)
	}
}

// deliver records what a request means, and answers it: 200 when that is durable.
func (s *Server) deliver(ctx context.Context, c echo.Context, route Route, r *Request) error {
	deliveries, err := route.Decode(r)
	if err != nil {
		return err
	}
	for i := range deliveries {
		if to := deliveries[i].Endpoint.Namespace; to != r.Door.Namespace {
			return fmt.Errorf("route %s leads from the door of %q to %q", route.Name, r.Door.Namespace, to)
		}
	}
	failed, results := make([]error, len(deliveries)), make([]store.Result, len(deliveries))
	var recording sync.WaitGroup
	for i := range deliveries { // Several of one request are on their way together.
		recording.Go(func() { results[i], failed[i] = s.record(ctx, &deliveries[i]) })
	}
	recording.Wait()
	var refusal error
	for i, err := range failed {
		if err != nil {
			s.options.Log.Warn("a delivery was not recorded", "door", deliveries[i].Endpoint.String(), "error", err)
			refusal = cmp.Or(refusal, Unavailable(notRecorded(err)))
		}
	}
	if refusal != nil {
		return refusal
	}
	if len(results) == 1 && results[0].Objects != nil {
		return c.JSON(http.StatusOK, selection{*results[0].Objects})
	}
	return c.NoContent(http.StatusOK)
}

// selection is the answer to a delivery that asks how many objects select its alert.
type selection struct {
	SelectedBy int `json:"selectedBy"`
}

// wantsCount reports whether a request asks for more than a status (RFC 7240).
func wantsCount(r *http.Request) bool { return r.Header.Get("Prefer") == "return=representation" }

// record records one delivery.
func (s *Server) record(ctx context.Context, d *store.Delivery) (store.Result, error) {
	result, err := s.options.Alerts.Record(ctx, *d)
	if err == nil {
		s.metrics.count(result, len(d.Alerts))
		s.logUnselected(d, &result)
	}
	return result, err
}

// Unavailable is an answer after which senders try again: 503.
func Unavailable(why string) error { return echo.NewHTTPError(http.StatusServiceUnavailable, why) }
