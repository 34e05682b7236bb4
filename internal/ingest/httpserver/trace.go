package httpserver

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
	"github.com/impulse-sh/impulse/internal/printable"
)

// traced calls receive with a span around it, in the trace that the header traceparent of the request names, or else in a new one. The header of
// a sender without a credential is ignored, unless a replica has forwarded it. The names of spans and attributes are those of OpenTelemetry's
// conventions for HTTP.
func (h *routeHandler) traced(c echo.Context, principal auth.Principal, receive func() error) error {
	r := c.Request()
	ctx := r.Context()
	if h.forwarded || !principal.IsAnonymous() {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := h.options.Tracer.Start(ctx, r.Method+" "+c.Path(), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", r.Method), attribute.String("http.route", c.Path()),
	))
	defer span.End()
	if namespace := c.Param("namespace"); namespace != "" {
		span.SetAttributes(attribute.String("k8s.namespace.name", namespace))
	}
	c.SetRequest(r.WithContext(ctx))
	err := receive()
	code := statusOf(c, err)
	endHTTP(span, code, code >= http.StatusInternalServerError)
	return err
}

// endHTTP sets the result of an HTTP request on its span.
func endHTTP(span trace.Span, code int, failed bool) {
	span.SetAttributes(attribute.Int("http.response.status_code", code))
	if failed {
		span.SetAttributes(attribute.String("error.type", strconv.Itoa(code)))
		span.SetStatus(codes.Error, "")
	}
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
	ctx, span := h.options.Tracer.Start(ctx, m.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("http.request.method", m.Method),
	))
	defer span.End()
	m.Header = m.Header.Clone()
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(m.Header))
	answer, err := h.options.Forward.Forward(ctx, m)
	if err != nil {
		span.SetStatus(codes.Error, printable.Line(err.Error(), printable.Longest))
		return answer, err
	}
	endHTTP(span, answer.Code, answer.Code >= http.StatusBadRequest)
	return answer, nil
}
