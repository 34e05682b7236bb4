package httpserver

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// maxAlertsBody bounds a delivery of an Alertmanager: some 20 000 alerts.
const maxAlertsBody = 8 << 20

// alertmanager are the doors of Alertmanagers: of one namespace, and of the whole cluster.
func (s *Server) alertmanager() []Route {
	one := Route{
		Name: "alertmanager", Method: http.MethodPost, Path: "/v1/alertmanager/:namespace", MaxBody: maxAlertsBody, PerElement: bytesPerString, Decode: s.decodeAlerts,
	}
	all := one
	all.Path = "/v1/alertmanager"
	return []Route{one, all}
}

// decodeAlerts understands a delivery of an Alertmanager. Alerts that are not understood are said, and do not keep the
// others out.
func (s *Server) decodeAlerts(r *Request) ([]store.Delivery, error) {
	delivered, bad, err := decode(r.Body)
	if err != nil {
		return nil, echo.NewHTTPError(http.StatusBadRequest, err.Error()).SetInternal(err)
	}
	for _, e := range bad {
		s.metrics.alerts.WithLabelValues("invalid").Inc()
		if times, due := s.notices.due(notice{"invalid", r.Door.Namespace, r.Door.Credential}, r.At); due {
			s.options.Log.Warn("an alert was not understood", "door", r.Door.String(), "error", e, "times", times)
		}
	}
	if len(delivered.Alerts) == 0 && len(bad) > 0 {
		return nil, echo.NewHTTPError(http.StatusBadRequest, errors.Join(bad...).Error())
	}
	delivered.Endpoint, delivered.At, delivered.Count = r.Door, r.At, wantsCount(r.HTTP)
	return []store.Delivery{delivered}, nil
}
