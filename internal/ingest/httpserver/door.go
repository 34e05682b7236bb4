package httpserver

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

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
	// Strangers: a request that shows no credential is let in, as a stranger; Decode says whether something else vouches for
	// it, such as a signature.
	Strangers bool
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

// visitor is who sent a request.
type visitor struct {
	// credential is the name of what the visitor has shown.
	credential string
	// principal is what limits count the visitor by.
	principal principal
	// forwarded says that another replica has let the visitor in.
	forwarded bool
}

// admission lets a request in to a namespace, or says why not.
type admission func(r *http.Request, namespace string) (visitor, error)

// doorway is a route with who may come through it.
type doorway struct {
	*Server

	route Route
	admit admission
}

// door makes the handler of a route.
func (s *Server) door(route Route, admit admission) echo.HandlerFunc {
	if route.MaxBody == 0 {
		route.MaxBody = DefaultMaxBody
	}
	if route.PerElement == 0 {
		route.PerElement = bytesPerElement
	}
	if route.Within == 0 {
		route.Within = answerTimeout
	}
	d := &doorway{Server: s, route: route, admit: admit}
	return d.enter
}

// enter takes a request in, and delivers it or passes it on. A limit counts what a sender has sent, not what it has announced:
// memory is reserved as the body arrives, and a place is taken when it is there.
func (d *doorway) enter(c echo.Context) error {
	namespace := c.Param("namespace")
	who, err := d.admit(c.Request(), namespace)
	if err != nil {
		return d.limited(d.route, err)
	}
	if namespace != "" && !isNamespace(namespace) {
		return echo.NewHTTPError(http.StatusBadRequest, errNoNamespace.Error()).SetInternal(errNoNamespace)
	}
	at := d.options.Now()
	held := &reservation{memory: d.memory, of: who.principal}
	defer held.release()
	body, err := read(c, d.route.MaxBody, held)
	if err != nil {
		held.release()
		discardRest(c)
		return d.limited(d.route, err)
	}
	if !d.places.take(who.principal) {
		return d.limited(d.route, errBusy)
	}
	defer d.places.leave(who.principal)
	connectionOf(c.Request()).arrived()
	ctx, cancel := context.WithTimeoutCause(c.Request().Context(), d.route.Within, errTooLong)
	defer cancel()
	r := &Request{
		HTTP: c.Request().WithContext(ctx), Param: c.Param, Body: body, At: at,
		Door: store.Endpoint{Namespace: namespace, Credential: who.credential},
	}
	switch {
	case d.options.Leading():
		if err := held.grow(decoded(body, d.route.PerElement)); err != nil {
			return d.limited(d.route, err)
		}
		return d.deliver(ctx, c, d.route, r)
	case who.forwarded:
		return Unavailable("this replica does not lead any more")
	default:
		return d.pass(ctx, c, r)
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
