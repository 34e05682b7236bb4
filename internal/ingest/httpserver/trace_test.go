package httpserver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

func TestTrace(t *testing.T) {
	t.Run("a message is received and recorded in the trace that its sender names", testMessageIsReceivedAndRecordedInTraceThatItsSenderNames)
	t.Run("a forwarded message carries the trace on", testForwardedMessageCarriesTraceOn)
	t.Run("without traces a forwarded message has the header of its sender", testWithoutTracesForwardedMessageHasHeaderOfItsSender)
	t.Run("the trace that a sender without a credential names is ignored", testTraceOfSenderWithoutCredentialIsIgnored)
	t.Run("a request that is not authorized has no span, and no span has a part of a message", testUnauthorizedRequestHasNoSpan)
}

const (
	sendersTrace  = "4bf92f3577b34da6a3ce929d0e0e4736"
	route         = "POST /v1/alertmanager/:namespace"
	sendersHeader = "00-" + sendersTrace + "-00f067aa0ba902b7-01"
)

// serveTraced is serve with traces. spans returns those that have ended: NAME CODE of TRACE.
func serveTraced(t *testing.T, r *record, change func(*Options)) (h http.Handler, recorder *tracetest.SpanRecorder) {
	t.Helper()
	recorder = tracetest.NewSpanRecorder()
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(recorder)).Tracer("test")
	h, _ = serve(t, r, func(o *Options) {
		o.Tracer, o.Receiver = tracer, receiver(r, o)
		o.Receiver.SetTracer(tracer)
		if change != nil {
			change(o)
		}
	})
	return h, recorder
}

// sendTraced posts a delivery with the header traceparent.
func sendTraced(t *testing.T, h http.Handler, header, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	w, q := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/alertmanager/shop", strings.NewReader(one))
	q.Header.Set("Traceparent", header)
	q.Header.Set("Authorization", authorization)
	h.ServeHTTP(w, q)
	return w
}

func names(spans []sdk.ReadOnlySpan) []string {
	var all []string
	for _, s := range spans {
		all = append(all, fmt.Sprintf("%s %t", s.Name(), s.SpanContext().TraceID().String() == sendersTrace))
	}
	return all
}

func testMessageIsReceivedAndRecordedInTraceThatItsSenderNames(t *testing.T) {
	r := &record{}
	h, recorder := serveTraced(t, r, nil)
	if w := sendTraced(t, h, sendersHeader, ""); w.Code != http.StatusOK {
		t.Fatalf("got %d %s, want 200", w.Code, w.Body)
	}
	spans := recorder.Ended()
	if got := names(spans); !slices.Equal(got, []string{"record true", route + " true"}) {
		t.Fatalf("got the spans %v, want record and the request in the trace of the sender", got)
	}
	if spans[0].Parent().SpanID() != spans[1].SpanContext().SpanID() {
		t.Errorf("the parent of record is %v, want the request", spans[0].Parent())
	}
	if got := r.traces[0]; got.Span != spans[0].SpanContext().SpanID() || !got.Sampled {
		t.Errorf("the delivery has the trace %v, want that of record", got)
	}
	for _, header := range []string{"", "nonsense"} {
		recorder.Reset()
		sendTraced(t, h, header, "")
		if got := names(recorder.Ended()); !slices.Equal(got, []string{"record false", route + " false"}) {
			t.Errorf("with the header %q, got the spans %v, want a trace of their own", header, got)
		}
	}
}

func testForwardedMessageCarriesTraceOn(t *testing.T) {
	l := &fakeForwarder{answer: forward.Answer{Code: http.StatusOK}}
	h, recorder := serveTraced(t, &record{}, func(o *Options) { o.Leading, o.Forward = func() bool { return false }, l })
	sendTraced(t, h, sendersHeader, "")
	spans := recorder.Ended()
	if got := names(spans); !slices.Equal(got, []string{"POST true", route + " true"}) {
		t.Fatalf("got the spans %v, want two requests in the trace of the sender", got)
	}
	want := fmt.Sprintf("00-%s-%s-01", sendersTrace, spans[0].SpanContext().SpanID())
	if got := l.sent[0].Header.Get("Traceparent"); got != want {
		t.Errorf("the leader gets the header %q, want %q", got, want)
	}
}

func testWithoutTracesForwardedMessageHasHeaderOfItsSender(t *testing.T) {
	l := &fakeForwarder{answer: forward.Answer{Code: http.StatusOK}}
	h, _ := serve(t, &record{}, func(o *Options) { o.Leading, o.Forward = func() bool { return false }, l })
	sendTraced(t, h, sendersHeader, "")
	if got := l.sent[0].Header.Get("Traceparent"); got != sendersHeader {
		t.Errorf("the leader gets the header %q, want %q", got, sendersHeader)
	}
}

func testTraceOfSenderWithoutCredentialIsIgnored(t *testing.T) {
	h, recorder := serveTraced(t, &record{}, func(o *Options) {
		o.Credentials = credentials(t, "- {name: eu, namespaces: [shop], token: token-of-eu}")
	})
	q := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/webhook/shop/nobody", strings.NewReader("{}"))
	q.Header.Set("Traceparent", sendersHeader)
	h.ServeHTTP(httptest.NewRecorder(), q)
	if got := names(recorder.Ended()); !slices.Equal(got, []string{"POST /v1/webhook/:namespace/:hook false"}) {
		t.Errorf("got the spans %v, want one in a trace of its own", got)
	}
}

func testUnauthorizedRequestHasNoSpan(t *testing.T) {
	h, recorder := serveTraced(t, &record{}, func(o *Options) {
		o.Credentials = credentials(t, "- {name: eu, namespaces: [shop], token: token-of-eu}")
	})
	sendTraced(t, h, sendersHeader, "Bearer nonsense")
	if got := names(recorder.Ended()); len(got) > 0 {
		t.Errorf("a request without a valid token: got the spans %v, want none", got)
	}
	sendTraced(t, h, sendersHeader, "Bearer token-of-eu")
	for _, s := range recorder.Ended() {
		text := fmt.Sprint(s.Name(), s.Attributes(), s.Status(), s.Events())
		for _, secret := range []string{"token-of-eu", "Slow", "alertname"} {
			if strings.Contains(text, secret) {
				t.Errorf("the span %s contains %q", text, secret)
			}
		}
	}
}
