package httpserver

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

// Live shows what the leader knows about the objects, as JSON in one line. Its errors are ErrNoObject, or worth a retry; their text is sent to
// the client.
type Live interface {
	// List returns the objects of some namespaces; nil is all namespaces.
	List(namespaces []string) ([]byte, error)
	Object(namespace, name string) ([]byte, error)
	// Watch sends events until ctx is done, or send returns an error, which it returns then. It returns ErrNoObject before the first event.
	Watch(ctx context.Context, q LiveQuery, send func(event string, data []byte) error) error
}

// ErrNoObject is returned for an object that does not exist.
var ErrNoObject = errors.New("there is no such ScaledObject")

// LiveQuery selects one object or, if Name is "", the objects of some namespaces; nil is all namespaces.
type LiveQuery struct {
	Namespaces      []string
	Namespace, Name string
}

// liveRoute is a route that shows objects.
type liveRoute struct {
	name, path string
	stream     bool
}

// liveRoutes are the routes that show objects. The stream of a namespace is a query of the one of all namespaces, because an object may have the name
// stream.
var liveRoutes = []liveRoute{
	{name: "objects", path: "/v1/scaledobjects"},
	{name: "objects", path: "/v1/namespaces/:namespace/scaledobjects"},
	{name: "object", path: "/v1/namespaces/:namespace/scaledobjects/:object"},
	{name: "objects-stream", path: "/v1/scaledobjects/stream", stream: true},
	{name: "object-stream", path: "/v1/namespaces/:namespace/scaledobjects/:object/stream", stream: true},
}

// reader is the sender of a request to read.
type reader struct {
	principal auth.Principal
	// credential is nil if every namespace may be read (no credentials are configured, or another replica has authorized the request), and if there is a
	// token, about which the API server is asked.
	credential *auth.Credential
	token      string
}

// liveHandler handles the requests of one route.
type liveHandler struct {
	*Server

	route        liveRoute
	authenticate func(*http.Request) (reader, error)
	// forwarded: the requests come from other replicas, which have authorized them.
	forwarded bool
}

// addLiveRoutes adds the routes that show objects. prefix distinguishes the names of the routes of a listener in metrics.
func (s *Server) addLiveRoutes(e *echo.Echo, names map[string]string, prefix string, authenticate func(*http.Request) (reader, error)) {
	if s.options.Live == nil {
		return
	}
	for _, route := range liveRoutes {
		route.name = prefix + route.name
		names[route.path] = route.name
		h := &liveHandler{Server: s, route: route, authenticate: authenticate, forwarded: prefix == peerPrefix}
		e.GET(route.path, h.handle)
	}
}

// handle authorizes a request, and answers it or forwards it to the leader.
func (h *liveHandler) handle(c echo.Context) error {
	who, q, err := h.authorize(c)
	if err != nil {
		return h.refused(Route{Name: h.route.name}, err)
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	c.Response().Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case !h.options.Leading() && h.forwarded:
		return Unavailable("this replica is not the leader any more")
	case h.route.stream:
		return h.stream(c, who, q)
	case !h.options.Leading():
		return h.forwardRead(c, who, q)
	default:
		return h.answer(c, who, q)
	}
}

// authorize authenticates a request, and returns what it may read.
func (h *liveHandler) authorize(c echo.Context) (reader, LiveQuery, error) {
	who, err := h.authenticate(c.Request())
	if err != nil {
		return reader{}, LiveQuery{}, err
	}
	q := LiveQuery{Namespace: c.Param("namespace"), Name: c.Param("object")}
	asked := c.QueryParams()["namespace"]
	if q.Namespace != "" {
		asked = []string{q.Namespace}
	}
	for _, namespace := range asked {
		if !auth.IsNamespace(namespace) {
			return reader{}, LiveQuery{}, echo.NewHTTPError(http.StatusBadRequest, errNoNamespace.Error()).SetInternal(errNoNamespace)
		}
		if who.credential == nil {
			continue
		}
		if err := who.credential.Authorize(namespace); err != nil {
			return reader{}, LiveQuery{}, err
		}
	}
	q.Namespaces = slices.Compact(slices.Sorted(slices.Values(asked)))
	if who.token != "" {
		return who, q, h.review(c.Request(), who, q.Namespaces)
	}
	if len(asked) == 0 && who.credential != nil {
		q.Namespaces = who.credential.Namespaces()
	}
	return who, q, nil
}

// answer answers with JSON. The memory of the answer counts for the principal until it is written.
func (h *liveHandler) answer(c echo.Context, who reader, q LiveQuery) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), longestAnswer)
	defer cancel()
	select {
	case h.building <- struct{}{}:
	case <-ctx.Done():
		return h.refused(Route{Name: h.route.name}, errBusy)
	}
	text, err := h.build(q)
	<-h.building
	if err != nil {
		return liveError(err)
	}
	reserved := &reservation{memory: h.memory, of: who.principal}
	defer reserved.release()
	if err := reserved.grow(int64(len(text))); err != nil {
		return h.refused(Route{Name: h.route.name}, err)
	}
	return c.JSONBlob(http.StatusOK, text)
}

// build returns the answer.
func (h *liveHandler) build(q LiveQuery) ([]byte, error) {
	if q.Name == "" {
		return h.options.Live.List(q.Namespaces)
	}
	return h.options.Live.Object(q.Namespace, q.Name)
}

// liveError returns the answer to a request that cannot be answered.
func liveError(err error) error {
	if errors.Is(err, ErrNoObject) {
		return echo.NewHTTPError(http.StatusNotFound, err.Error())
	}
	return Unavailable(err.Error())
}

// uri returns the path and the query with which the leader is asked for what was authorized.
func (q LiveQuery) uri(path string) string {
	if q.Namespace != "" || len(q.Namespaces) == 0 {
		return path
	}
	return path + "?" + url.Values{"namespace": q.Namespaces}.Encode()
}
