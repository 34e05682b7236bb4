package httpserver

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
)

// maxAlertsBody is the maximum body of a delivery from Alertmanager, in bytes. It holds about 20 000 alerts.
const maxAlertsBody = 8 << 20

// maxWriteBody is the maximum compressed body of a write request, in bytes.
const maxWriteBody = 8 << 20

// receivingRoutes returns the routes by which alerts and levels come in: the namespace receivers, the cluster-wide receiver and the
// trigger endpoints.
func (s *Server) receivingRoutes() []Route {
	r := s.options.Receiver
	namespace := Route{
		Name: "alertmanager", Method: http.MethodPost, Path: "/v1/alertmanager/:namespace",
		MaxBody: maxAlertsBody, PerElement: bytesPerString, Receive: r.ReceiveAlerts,
	}
	cluster := namespace
	cluster.Path = "/v1/alertmanager"
	return []Route{
		namespace, cluster,
		// Checking a signature may require fetching its certificate first, so the answer may take longer.
		{Name: "webhook", Method: http.MethodPost, Path: "/v1/webhook/:namespace/:hook", Within: longestAnswer, Anonymous: true, Receive: r.ReceiveWebhook},
		{Name: "remote-write", Method: http.MethodPost, Path: "/v1/prometheus/:namespace/write", MaxBody: maxWriteBody, Write: r.ReceiveWrite},
		{Name: "push", Method: http.MethodPut, Path: "/v1/namespaces/:namespace/scaledobjects/:object/triggers/:trigger", Receive: r.ReceiveLevel},
	}
}

// answerTo returns the answer to a message that was not recorded. The error is attached, for the log, only if the sender will not try
// again.
func answerTo(err error) error {
	refused, ok := errors.AsType[*endpoints.RefusedError](err)
	if !ok {
		return err
	}
	code := http.StatusBadRequest
	switch {
	case errors.Is(refused, endpoints.ErrTooLarge):
		code = http.StatusRequestEntityTooLarge
	case errors.Is(refused, endpoints.ErrUnsupported):
		code = http.StatusUnsupportedMediaType
	case errors.Is(refused, endpoints.ErrUnavailable):
		return Unavailable(refused.Reason)
	case errors.Is(refused, endpoints.ErrUnverified):
		code = http.StatusUnauthorized
	case errors.Is(refused, endpoints.ErrNotFound):
		code = http.StatusNotFound
	}
	return echo.NewHTTPError(code, refused.Reason).SetInternal(refused)
}

// Unavailable returns an answer after which senders try again: 503.
func Unavailable(reason string) error {
	return echo.NewHTTPError(http.StatusServiceUnavailable, reason)
}
