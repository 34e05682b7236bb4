package apimetrics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

func TestCalls(t *testing.T) {
	t.Run("requests are counted by method and code, and no label has a part of the URL", testRequestsAreCountedByMethodAndCode)
	t.Run("labels are bounded", testLabelsAreBounded)
}

// counts returns the requests by "VERB CODE", and the number of measured durations by "VERB NAME".
func counts(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var of []string
			for _, l := range m.GetLabel() { // The code comes before the verb.
				of = append(of, l.GetValue())
			}
			if m.GetHistogram() != nil {
				of = append(of, f.GetName())
			}
			all[strings.Join(of, " ")] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

func testRequestsAreCountedByMethodAndCode(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusConflict)
		}
	}))
	defer server.Close()
	client, err := rest.UnversionedRESTClientFor(&rest.Config{Host: server.URL, QPS: 1000, ContentConfig: rest.ContentConfig{NegotiatedSerializer: scheme.Codecs.WithoutConversion()}})
	if err != nil {
		t.Fatal(err)
	}
	before := counts(t, Calls)
	_ = client.Get().AbsPath("/apis/secret-name").Do(t.Context())
	_ = client.Post().AbsPath("/apis/secret-name").Do(t.Context())
	_ = client.Post().AbsPath("/apis/secret-name").Do(t.Context())
	after := counts(t, Calls)
	for name, want := range map[string]float64{
		"200 GET": 1, "409 POST": 2, "POST impulse_api_request_duration_seconds": 2, "GET impulse_api_rate_limiter_wait_seconds": 1,
	} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%s: counted %g, want %g", name, got, want)
		}
	}
	for name := range after {
		if strings.Contains(name, "secret-name") || strings.Contains(name, "127.0.0.1") {
			t.Errorf("a label has a part of the URL: %s", name)
		}
	}
}

func testLabelsAreBounded(t *testing.T) {
	c := newCalls()
	for _, code := range []string{"200", "<error>", "tls: no certificate", "99", "600", "-1"} {
		for _, method := range []string{"GET", "BREW", "", "get"} {
			c.Increment(context.Background(), code, method, "host")
			latency{c.duration}.Observe(context.Background(), method, url.URL{}, time.Second)
		}
	}
	if got := counts(t, c); len(got) != 6 || got["error other"] != 15 {
		t.Errorf("counted %v, want 4 combinations of codes and verbs, and 2 verbs", got)
	}
}
