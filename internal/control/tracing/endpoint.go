package tracing

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// Variables of OpenTelemetry that this package reads itself, because the exporters would only log a mistake in them, and export to another
// address. The exporters and the SDK read all others.
const (
	endpointVariable       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpointVariable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocolVariable       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocolVariable = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	exporterVariable       = "OTEL_TRACES_EXPORTER"
	disabledVariable       = "OTEL_SDK_DISABLED"
)

// The protocols of OTLP.
const (
	overGRPC = "grpc"
	overHTTP = "http/protobuf"
)

// endpoint is where spans are exported to.
type endpoint struct {
	url      *url.URL
	protocol string
	// fromFlag is true for an endpoint that is not that of the environment variables.
	fromFlag bool
}

// find returns the endpoint of the flag, or else that of the environment variables; nil if neither names one.
func find(flag string, getenv func(string) string) (*endpoint, error) {
	if strings.EqualFold(getenv(disabledVariable), "true") || getenv(exporterVariable) == "none" {
		return nil, nil
	}
	name, text := "--otlp-endpoint", flag
	for _, variable := range []string{tracesEndpointVariable, endpointVariable} {
		if text == "" {
			name, text = variable, getenv(variable)
		}
	}
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		if strings.Contains(text, "@") { // It may have a password.
			text = "..."
		}
		return nil, fmt.Errorf("%s is %q: expected a URL such as http://otel-collector.monitoring:4317", name, text)
	}
	e := &endpoint{url: u, fromFlag: flag != ""}
	name = protocolVariable
	if e.protocol = getenv(tracesProtocolVariable); e.protocol != "" {
		name = tracesProtocolVariable
	}
	e.protocol = cmp.Or(e.protocol, getenv(protocolVariable))
	if e.protocol == "" {
		e.protocol = overHTTP
		if u.Port() == "4317" { // The port that OpenTelemetry has assigned to gRPC.
			e.protocol = overGRPC
		}
	}
	if e.protocol != overGRPC && e.protocol != overHTTP {
		return nil, fmt.Errorf("%s is %q: expected %s or %s", name, e.protocol, overGRPC, overHTTP)
	}
	return e, nil
}

// String returns the endpoint without what may be secret: user, password and query.
func (e *endpoint) String() string { return e.url.Scheme + "://" + e.url.Host + e.url.Path }

// exporter returns an exporter to the endpoint. It does no I/O.
func (e *endpoint) exporter(ctx context.Context) (sdk.SpanExporter, error) {
	var client otlptrace.Client
	switch {
	case e.protocol == overGRPC && e.fromFlag:
		client = otlptracegrpc.NewClient(otlptracegrpc.WithEndpointURL(e.url.String()))
	case e.protocol == overGRPC:
		client = otlptracegrpc.NewClient()
	case e.fromFlag:
		client = otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(e.url.JoinPath("v1", "traces").String()))
	default:
		client = otlptracehttp.NewClient()
	}
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("set up the export of traces to %s: %w", e, err)
	}
	return exporter, nil
}
