package httpserver

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func TestScrape(t *testing.T) {
	t.Run("an answer has the metrics of the registry and those of objects, as the client accepts them", testAnswerHasMetricsOfRegistryAndObjects)
	t.Run("metrics that cannot be gathered are an error, not a part of the metrics", testMetricsThatCannotBeGatheredAreError)
}

// scrapeOf requests metrics from a server with one metric in its registry and one of objects.
func scrapeOf(t *testing.T, query string, headers map[string]string, collectors ...prometheus.Collector) *httptest.ResponseRecorder {
	t.Helper()
	h, _ := serve(t, &record{}, func(o *Options) {
		o.Registry.MustRegister(append(collectors, prometheus.NewGauge(prometheus.GaugeOpts{Name: "of_registry", Help: "A metric of the registry."}))...)
		o.ObjectMetrics = func(encode func(*dto.MetricFamily) error) error {
			return encode(&dto.MetricFamily{
				Name: new("of_objects"), Type: new(dto.MetricType_GAUGE), Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: new(2.0)}}},
			})
		}
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics"+query, nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func testAnswerHasMetricsOfRegistryAndObjects(t *testing.T) {
	for name, c := range map[string]struct {
		query                    string
		headers                  map[string]string
		ofRegistry, ofObjects    bool
		compressed, lengthPrefix bool
	}{
		"text":       {ofRegistry: true, ofObjects: true},
		"compressed": {headers: map[string]string{"Accept-Encoding": "gzip"}, ofRegistry: true, ofObjects: true, compressed: true},
		"protobuf": {
			headers:    map[string]string{"Accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"},
			ofRegistry: true, ofObjects: true, lengthPrefix: true,
		},
		"one of the registry": {query: "?name[]=of_registry", ofRegistry: true},
		"one of objects":      {query: "?name[]=of_objects", ofObjects: true},
		"none":                {query: "?name[]=other"},
	} {
		t.Run(name, func(t *testing.T) {
			w := scrapeOf(t, c.query, c.headers)
			compressed := w.Header().Get("Content-Encoding") == "gzip"
			prefixed := expfmt.ResponseFormat(w.Header()).FormatType() == expfmt.TypeProtoDelim
			if w.Code != http.StatusOK || compressed != c.compressed || prefixed != c.lengthPrefix {
				t.Fatalf("got %d with the headers %v", w.Code, w.Header())
			}
			got := namesIn(t, w)
			if got["of_registry"] != c.ofRegistry || got["of_objects"] != c.ofObjects {
				t.Errorf("the answer has %v", got)
			}
		})
	}
}

// namesIn returns the names of the metrics in an answer.
func namesIn(t *testing.T, w *httptest.ResponseRecorder) map[string]bool {
	t.Helper()
	body := io.Reader(w.Body)
	if w.Header().Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(w.Body); err != nil {
			t.Fatal(err)
		}
	}
	names := map[string]bool{}
	decoder := expfmt.NewDecoder(body, expfmt.ResponseFormat(w.Header()))
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names[family.GetName()] = true
	}
}

// failing is a collector whose metric is invalid.
type failing struct{ prometheus.Gauge }

func (f failing) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.NewInvalidMetric(f.Desc(), errors.New("it cannot be read"))
}

func testMetricsThatCannotBeGatheredAreError(t *testing.T) {
	w := scrapeOf(t, "", nil, failing{prometheus.NewGauge(prometheus.GaugeOpts{Name: "failing", Help: "A metric that cannot be read."})})
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "of_objects") {
		t.Errorf("got %d with %q, want 500 without metrics", w.Code, w.Body)
	}
}
