package httpserver

import (
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the metrics of requests.
type metrics struct {
	requests  *prometheus.CounterVec
	duration  *prometheus.HistogramVec
	limited   *prometheus.CounterVec
	closed    *prometheus.CounterVec
	forwarded *prometheus.CounterVec
	// streams and streamsEnded count the streams of live objects.
	streams      prometheus.Gauge
	streamsEnded *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_http_requests_total", Help: "Requests, by route and status code. Requests that another replica forwarded have routes of their own.",
		}, []string{"route", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "impulse_http_duration_seconds", Help: "Time from a request to its answer, in seconds. For alerts and levels this includes the time until they are stored durably.",
			Buckets:                     prometheus.ExponentialBuckets(0.001, 2, 14),
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}, []string{"route"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_http_limited_total", Help: "Requests answered with 503 because of a limit of the sender, by limit: concurrency, rate, memory or streams.",
		}, []string{"route", "limit"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_http_connections_closed_total", Help: "Connections closed to accept others, by listener: public, page, peer or health.",
		}, []string{"listener"}),
		forwarded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_peer_forwarded_total", Help: "Messages for the leader that this replica received, by result: answered by the leader, or failed (no replica leads, or the leader did not answer).",
		}, []string{"result"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "impulse_live_streams", Help: "Open streams of live objects, at most 128, including those that other replicas forward.",
		}),
		streamsEnded: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "impulse_live_streams_ended_total", Help: "Streams of live objects that have ended, by reason: client, slow, credential, leader (it does not lead any more, or was lost) or stopping.",
		}, []string{"reason"}),
	}
	r.MustRegister(m.requests, m.duration, m.limited, m.closed, m.forwarded, m.streams, m.streamsEnded)
	return m
}

// countRequests counts every request of a router. names are the routes by their paths; the rest is "other".
func (s *Server) countRequests(names map[string]string) echo.MiddlewareFunc {
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
			if !isStream(c) {
				s.metrics.duration.WithLabelValues(name).Observe(s.options.Now().Sub(at).Seconds())
			}
			return nil
		}
	}
}
