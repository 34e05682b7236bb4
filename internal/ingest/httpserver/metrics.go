package httpserver

import (
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/store"
)

// metrics are what Prometheus sees of requests.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	limited  *prometheus.CounterVec
	closed   *prometheus.CounterVec
	alerts   *prometheus.CounterVec
	passed   *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_http_requests_total", Help: "Requests, by route and by the code of the answer. Those that another replica passed on have routes of their own.",
		}, []string{"route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "impulse_http_duration_seconds", Help: "Time from a request to its answer; that of a delivery includes its durable record.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}, []string{"route"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_http_limited_total", Help: "Requests that were answered with 503 because of a limit of their sender: concurrency, rate or memory.",
		}, []string{"route", "limit"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_http_connections_closed_total", Help: "Connections that were closed to make room for others, by listener: public, peer or health.",
		}, []string{"listener"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_webhook_alerts_total", Help: "Alerts delivered: changed, repeated, unselected (nobody selects them), invalid.",
		}, []string{"result"}),
		passed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_peer_forwarded_total", Help: "Deliveries that were passed on to the leader: answered, or failed (nobody leads, or the leader did not answer).",
		}, []string{"result"}),
	}
	r.MustRegister(m.requests, m.duration, m.limited, m.closed, m.alerts, m.passed)
	return m
}

// count counts the alerts of a recorded delivery.
func (m *metrics) count(r store.Result, delivered int) {
	m.alerts.WithLabelValues("changed").Add(float64(r.Changed))
	m.alerts.WithLabelValues("repeated").Add(float64(delivered - r.Changed))
	m.alerts.WithLabelValues("unselected").Add(float64(delivered - r.Selected))
}

// counted counts every request of a router. names are the routes by their paths; the rest is "other".
func (s *Server) counted(names map[string]string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			at := s.options.Now()
			if err := next(c); err != nil {
				c.Error(err) // Answers it, so that the code is known.
			}
			name, ok := names[c.Path()]
			if !ok {
				name = "other"
			}
			s.metrics.requests.WithLabelValues(name, strconv.Itoa(c.Response().Status)).Inc()
			s.metrics.duration.WithLabelValues(name).Observe(s.options.Now().Sub(at).Seconds())
			return nil
		}
	}
}
