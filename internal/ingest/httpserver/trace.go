package httpserver

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

// traced calls receive with a span around it, in the trace that the header traceparent of the request names, or else in a new one.
func (h *routeHandler) traced(c echo.Context, receive func() error) error {
	r := c.Request()
	ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := h.options.Tracer.Start(ctx, "receive", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("http.route", c.Path()), attribute.String("impulse.route", h.route.Name),
	))
	defer span.End()
	if namespace := c.Param("namespace"); namespace != "" {
		span.SetAttributes(attribute.String("k8s.namespace.name", namespace))
	}
	c.SetRequest(r.WithContext(ctx))
	err := receive()
	code := statusOf(c, err)
	span.SetAttributes(attribute.Int("http.response.status_code", code))
	if code >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, http.StatusText(code))
	}
	return err
}

// statusOf returns the status code of the response to a request whose handler returned err.
func statusOf(c echo.Context, err error) int {
	if err == nil {
		return c.Response().Status
	}
	if known, ok := errors.AsType[*echo.HTTPError](err); ok {
		return known.Code
	}
	return http.StatusInternalServerError
}

// forwardTraced forwards a message to the leader, with a span around it if the message is traced. The header traceparent of the message then
// names that span. Without traces the leader gets the header of the sender.
func (h *routeHandler) forwardTraced(ctx context.Context, m forward.Message) (forward.Answer, error) {
	if h.options.Tracer == nil {
		return h.options.Forward.Forward(ctx, m)
	}
	ctx, span := h.options.Tracer.Start(ctx, "forward", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	m.Header = m.Header.Clone()
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(m.Header))
	answer, err := h.options.Forward.Forward(ctx, m)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		return answer, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", answer.Code))
	return answer, nil
}
