package metricsapi

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// stats is an answer with a number.
const stats = `{"queue": {"waiting": 42.5}}`

// serveWith starts a server that ends with the test.
func serveWith(tb testing.TB, handler http.HandlerFunc) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server
}

// serve answers every request with one status and body.
func serve(tb testing.TB, status int, body string) *httptest.Server {
	tb.Helper()
	return serveWith(tb, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// recordRequests starts a server that answers all requests with stats, and returns the requests it gets.
func recordRequests(tb testing.TB) (*httptest.Server, chan *http.Request) {
	tb.Helper()
	requests := make(chan *http.Request, 100)
	return serveWith(tb, func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		_, _ = w.Write([]byte(stats))
	}), requests
}

// environment returns a trigger's Env with these secrets.
func environment(secrets map[string]string) triggers.Env {
	return triggers.Env{
		Namespace: "shop", Object: "orders", Trigger: "waiting", PollingInterval: time.Second, HTTP: &http.Client{}, Now: time.Now,
		Secrets: triggertest.Secrets(secrets),
	}
}

// metadata returns valid metadata for a URL, with more of them.
func metadata(url string, more ...string) map[string]string {
	m := map[string]string{"url": url, "valueLocation": "queue.waiting", "targetValue": "10"}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func decode(tb testing.TB, metadata map[string]string) Config {
	tb.Helper()
	decoded, err := Kind().Decode(metadata)
	if err != nil {
		tb.Fatal(err)
	}
	c, ok := decoded.(Config)
	if !ok {
		tb.Fatalf("got a %T, want a Config", decoded)
	}
	return c
}

func mustReader(tb testing.TB, metadata map[string]string, env triggers.Env) *reader {
	tb.Helper()
	r, err := newReader(decode(tb, metadata), env)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// read performs one reading.
func read(tb testing.TB, metadata map[string]string, secrets map[string]string) (scalers.Milli, error) {
	tb.Helper()
	return mustReader(tb, metadata, environment(secrets)).Read(tb.Context())
}

// quiet returns a log for a server whose clients end connections on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
