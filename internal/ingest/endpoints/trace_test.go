package endpoints

import (
	"net/http"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/impulse-sh/impulse/triggers"
)

func TestTrace(t *testing.T) {
	t.Run("a message over NATS is recorded in the trace that it names", testMessageOverNATSIsRecordedInTraceThatItNames)
}

func testMessageOverNATSIsRecordedInTraceThatItNames(t *testing.T) {
	e := begin(t)
	e.push("jobs", map[string]string{"threshold": "1"})
	recorder := tracetest.NewSpanRecorder()
	e.receiver.SetTracer(sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)).Tracer("test"))
	header := http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	endpoint := triggers.Endpoint{Namespace: "shop", Object: "checkout", Trigger: "jobs"}
	if !e.receiver.Record(t.Context(), endpoint, triggers.Message{Header: header, At: e.now()}, []triggers.Level{{Value: 4000, On: true}}) {
		t.Fatal("the message is not recorded")
	}
	spans := recorder.Ended()
	if len(spans) != 2 || spans[0].Name() != "record" || spans[1].Name() != "process" {
		t.Fatalf("got the spans %v, want record and process", spans)
	}
	if spans[0].Parent().SpanID() != spans[1].SpanContext().SpanID() || spans[1].Parent().SpanID().String() != "00f067aa0ba902b7" {
		t.Errorf("the parents are %v and %v, want process and the span of the publisher", spans[0].Parent(), spans[1].Parent())
	}
	if got := e.events["jobs"].Trace; got.Span != spans[0].SpanContext().SpanID() {
		t.Errorf("the event has the trace %v, want record", got)
	}
}
