package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/alerts"
)

// webhook takes a delivery of an Alertmanager. It answers 2xx when the alerts are recorded, 503 for whatever may pass, and
// 4xx only for what can never become valid: Alertmanager does not try that again.
func (s *Server) webhook(c echo.Context) error {
	at := s.options.Now()
	err := s.deliver(c, c.Param("namespace"))
	code := http.StatusOK
	if known, ok := errors.AsType[*echo.HTTPError](err); ok {
		code = known.Code
	} else if err != nil {
		code = http.StatusInternalServerError
	}
	s.metrics.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	s.metrics.duration.Observe(s.options.Now().Sub(at).Seconds())
	if err == nil {
		return c.NoContent(http.StatusOK)
	}
	return err
}

// deliver reads, understands and records a delivery.
func (s *Server) deliver(c echo.Context, namespace string) error {
	at := s.options.Now()
	door, err := s.admit(c.Request(), namespace)
	if err != nil {
		return err
	}
	select {
	case s.inFlight <- struct{}{}:
		defer func() { <-s.inFlight }()
	default:
		return unavailable("too many deliveries at once")
	}
	if !s.options.Leading() {
		return unavailable("this replica is not the leader")
	}
	if coding := c.Request().Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return echo.NewHTTPError(http.StatusUnsupportedMediaType, "the body is encoded: send it as it is")
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, s.options.MaxBody))
	if err != nil {
		if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return echo.NewHTTPError(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", large.Limit))
		}
		return unavailable("the body did not arrive")
	}
	delivered, bad, err := decode(body)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, err.Error())
	}
	for _, e := range bad {
		s.metrics.alerts.WithLabelValues("invalid").Inc()
		s.options.Log.Warn("an alert was not understood", "door", door.Namespace, "error", e)
	}
	if len(delivered.Alerts) == 0 && len(bad) > 0 {
		return echo.NewHTTPError(http.StatusBadRequest, errors.Join(bad...).Error())
	}
	ctx, cancel := context.WithTimeoutCause(c.Request().Context(), handleTimeout, errors.New("the record took too long"))
	defer cancel()
	delivered.Door, delivered.At = door, at
	result, err := s.options.Alerts.Record(ctx, delivered)
	if err != nil {
		s.options.Log.Warn("a delivery was not recorded", "door", door.Namespace, "error", err)
		return unavailable("not recorded, try again")
	}
	s.metrics.count(result, len(delivered.Alerts))
	return nil
}

// admit finds the door that a request may use.
func (s *Server) admit(r *http.Request, namespace string) (alerts.Door, error) {
	door := alerts.Door{Namespace: namespace}
	if namespace != "" && !isNamespace(namespace) {
		return door, echo.NewHTTPError(http.StatusBadRequest, "the path does not name a namespace")
	}
	if s.options.Tokens == nil {
		return door, nil
	}
	t, ok := s.options.Tokens.find(r.Header.Get("Authorization"))
	if !ok {
		return door, echo.NewHTTPError(http.StatusUnauthorized, "unauthorized")
	}
	if t.namespace != "" && t.namespace != namespace {
		return door, echo.NewHTTPError(http.StatusForbidden, "forbidden")
	}
	return door, nil
}

// unavailable is an answer that Alertmanager tries again after.
func unavailable(why string) error { return echo.NewHTTPError(http.StatusServiceUnavailable, why) }

// metrics are what Prometheus sees of deliveries.
type metrics struct {
	requests *prometheus.CounterVec
	alerts   *prometheus.CounterVec
	duration prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_webhook_requests_total", Help: "Deliveries, by the code of the answer.",
		}, []string{"code"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_webhook_alerts_total", Help: "Alerts delivered: changed, repeated, unselected (nobody selects them), invalid.",
		}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "impulse_webhook_duration_seconds", Help: "Time from a delivery to its answer, its durable record included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
	}
	r.MustRegister(m.requests, m.alerts, m.duration)
	return m
}

// count counts the alerts of a recorded delivery.
func (m *metrics) count(r alerts.Result, delivered int) {
	m.alerts.WithLabelValues("changed").Add(float64(r.Changed))
	m.alerts.WithLabelValues("repeated").Add(float64(delivered - r.Changed))
	m.alerts.WithLabelValues("unselected").Add(float64(delivered - r.Selected))
}
