package tracing

import (
	"strings"
	"testing"
)

func TestEndpoint(t *testing.T) {
	t.Run("it is that of the flag, or else of the variables", testItIsThatOfFlagOrElseOfVariables)
	t.Run("a mistake is reported with the name of the flag or variable", testMistakeIsReportedWithNameOfFlagOrVariable)
}

type variables map[string]string

func (v variables) get(name string) string { return v[name] }

func testItIsThatOfFlagOrElseOfVariables(t *testing.T) {
	for _, c := range []struct {
		flag      string
		variables variables
		want      string
	}{
		{"", nil, ""},
		{"http://a:4317", nil, "http://a:4317 grpc true"},
		{"https://a:4318/otlp", nil, "https://a:4318/otlp http/protobuf true"},
		{"http://a:4317", variables{protocolVariable: overHTTP}, "http://a:4317 http/protobuf true"},
		{"http://a", variables{protocolVariable: overHTTP, tracesProtocolVariable: overGRPC, endpointVariable: "http://b"}, "http://a grpc true"},
		{"", variables{endpointVariable: "http://b:4317"}, "http://b:4317 grpc false"},
		{"", variables{endpointVariable: "http://b", tracesEndpointVariable: "http://c/v1/traces"}, "http://c/v1/traces http/protobuf false"},
		{"http://a", variables{disabledVariable: "TRUE"}, ""},
		{"http://a", variables{exporterVariable: "none"}, ""},
	} {
		e, err := find(c.flag, c.variables.get)
		got := ""
		if e != nil {
			got = e.url.String() + " " + e.protocol + map[bool]string{true: " true", false: " false"}[e.fromFlag]
		}
		if err != nil || got != c.want {
			t.Errorf("--otlp-endpoint=%s and %v: got %q, %v, want %q", c.flag, c.variables, got, err, c.want)
		}
	}
}

func testMistakeIsReportedWithNameOfFlagOrVariable(t *testing.T) {
	for _, c := range []struct {
		flag      string
		variables variables
		want      string
	}{
		{"collector:4317", nil, `--otlp-endpoint is "collector:4317": expected a URL such as http://`},
		{"http://", nil, `--otlp-endpoint is "http://"`},
		{"", variables{endpointVariable: "collector"}, `OTEL_EXPORTER_OTLP_ENDPOINT is "collector"`},
		{"", variables{tracesEndpointVariable: "ftp://collector"}, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is "ftp://collector"`},
		{"http://u:secret@", nil, `--otlp-endpoint is "...": expected a URL`},
		{"http://a", variables{tracesProtocolVariable: "http/json"}, `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is "http/json"`},
		{"http://a", variables{protocolVariable: "http/json"}, `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": expected grpc or http/protobuf`},
	} {
		if e, err := find(c.flag, c.variables.get); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("--otlp-endpoint=%s and %v: got %v, %v, want the error %s", c.flag, c.variables, e, err, c.want)
		}
	}
}
