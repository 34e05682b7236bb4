package httpserver

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"

	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/remotewrite"
)

func TestWrite(t *testing.T) {
	t.Run("what is not supported is answered with 415", testWhatIsNotSupportedIsAnswered)
	t.Run("what is not a write request is answered with 400 or 413", testWhatIsNotWriteRequestIsAnswered)
	t.Run("the answer to version 2.0 says what was accepted", testAnswerToVersion2SaysWhatWasAccepted)
	t.Run("samples for no trigger, and metadata, are accepted", testSamplesForNoTriggerAreAccepted)
	t.Run("until the triggers are open the sender tries again", testUntilTriggersAreOpenSenderTriesAgain)
}

const (
	protoV1   = "prometheus.WriteRequest"
	protoV2   = "io.prometheus.write.v2.Request"
	writePath = "/v1/prometheus/shop/write"
)

// lastEvent keeps the last event of a trigger. String returns its level, or its error, as text.
type lastEvent struct {
	mu    sync.Mutex
	event scalers.Event
}

func (l *lastEvent) emit(e scalers.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.event = e
}

func (l *lastEvent) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.event.Err != nil && !l.event.AtLeast {
		return l.event.Err.Error()
	}
	return l.event.Value.String()
}

// serveWrites serves a receiver that has listed all objects, and runs one of its triggers of type prometheus-remote-write.
func serveWrites(t *testing.T, metadata map[string]string) (http.Handler, *lastEvent) {
	t.Helper()
	var listed atomic.Bool
	h, s := serve(t, &record{}, func(o *Options) {
		o.Now = func() time.Time {
			if !listed.Load() {
				return time.Now().Add(-time.Minute) // The objects were listed longer ago than openingTime: all endpoints count as open.
			}
			return time.Now()
		}
	})
	s.options.Receiver.ObjectsListed()
	listed.Store(true)
	c, err := remotewrite.Kind().Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	source, err := remotewrite.Kind().Open(c, triggers.Env{Namespace: "shop", Object: "checkout", Trigger: "hits", Samples: s.options.Receiver, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done, l := make(chan error, 1), &lastEvent{}
	go func() { done <- source.Run(ctx, l.emit) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	testkit.Eventually(t, "the trigger listens", func(context.Context) bool { return l.String() != "0" })
	return h, l
}

// postWrite posts a body that it compresses.
func postWrite(t *testing.T, h http.Handler, proto string, body []byte, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, writePath, strings.NewReader(string(snappy.Encode(nil, body))))
	r.Header.Set("Content-Encoding", "snappy")
	r.Header.Set("Content-Type", "application/x-protobuf;proto="+proto)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func encode(t *testing.T, m interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	body, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// version1 returns a request with one sample.
func version1(name string, v float64) *prompb.WriteRequest {
	return &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
		Labels:  []prompb.Label{{Name: "__name__", Value: name}},
		Samples: []prompb.Sample{{Value: v, Timestamp: time.Now().UnixMilli()}},
	}}}
}

func testWhatIsNotSupportedIsAnswered(t *testing.T) {
	h, l := serveWrites(t, map[string]string{"selector": "hits", "threshold": "1", "aggregation": "last"})
	body := encode(t, version1("hits", 5))
	for _, headers := range [][]string{
		{"Content-Encoding", "gzip"},
		{"Content-Encoding", "zstd"},
		{"Content-Type", "application/json"},
		{"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v3.Request"},
		{"Content-Type", ";"},
	} {
		if w := postWrite(t, h, protoV1, body, headers...); w.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%v: %d %s; want 415", headers, w.Code, w.Body)
		}
	}
	if w := postWrite(t, h, protoV1, body, "Content-Type", "", "Content-Encoding", ""); w.Code != http.StatusNoContent || l.String() != "5" {
		t.Errorf("without headers: %d %s, and the level is %s; want 204, 5", w.Code, w.Body, l)
	}
}

func testWhatIsNotWriteRequestIsAnswered(t *testing.T) {
	h, _ := serveWrites(t, map[string]string{"selector": "hits", "threshold": "1"})
	for name, c := range map[string]struct {
		body []byte
		code int
	}{
		"cut off":            {encode(t, version1("hits", 5))[:9], http.StatusBadRequest},
		"text":               {[]byte("hits 5"), http.StatusBadRequest},
		"larger than 32 MiB": {make([]byte, 33<<20), http.StatusRequestEntityTooLarge},
		"many tiny parts":    {[]byte(strings.Repeat("\x0a\x00", 8<<20)), http.StatusRequestEntityTooLarge},
		"without a name":     {encode(t, version1("", 5)), http.StatusBadRequest},
	} {
		if w := postWrite(t, h, protoV1, c.body); w.Code != c.code {
			t.Errorf("%s: %d %s; want %d", name, w.Code, w.Body, c.code)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, writePath, strings.NewReader("not snappy"))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("not compressed: %d %s; want 400", w.Code, w.Body)
	}
}

func testAnswerToVersion2SaysWhatWasAccepted(t *testing.T) {
	h, l := serveWrites(t, map[string]string{"selector": "hits", "threshold": "1", "aggregation": "last"})
	now := time.Now().UnixMilli()
	valid := writev2.TimeSeries{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Value: 4, Timestamp: now - 1}, {Value: 5, Timestamp: now}}}
	m := &writev2.Request{Symbols: []string{"", "__name__", "hits", "hist"}, Timeseries: []writev2.TimeSeries{
		valid, {LabelsRefs: []uint32{1, 3}, Histograms: []writev2.Histogram{{Timestamp: now}}},
	}}
	expect := func(code int, want ...string) {
		t.Helper()
		w := postWrite(t, h, protoV2, encode(t, m))
		var got []string
		for _, name := range writtenHeaders {
			got = append(got, w.Header().Get(name))
		}
		if w.Code != code || strings.Join(got, " ") != strings.Join(want, " ") || l.String() != "5" {
			t.Errorf("%d %s, written %v, the level is %s; want %d, %v, 5", w.Code, w.Body, got, l, code, want)
		}
	}
	expect(http.StatusNoContent, "2", "1", "0")
	for _, refs := range [][]uint32{{1, 2, 3}, {1, 77}, {1, 2, 1, 2}, {3, 3}, {1, 2, 0, 3}, {}} {
		m.Timeseries[1] = writev2.TimeSeries{LabelsRefs: refs, Samples: []writev2.Sample{{Value: 70, Timestamp: now + 1}}}
		expect(http.StatusBadRequest, "2", "0", "0")
	}
}

func testSamplesForNoTriggerAreAccepted(t *testing.T) {
	h, l := serveWrites(t, map[string]string{"selector": "hits", "threshold": "1", "aggregation": "last"})
	if w := postWrite(t, h, protoV1, encode(t, version1("other", 5))); w.Code != http.StatusNoContent {
		t.Errorf("%d %s; want 204", w.Code, w.Body)
	}
	m := &prompb.WriteRequest{Metadata: []prompb.MetricMetadata{{MetricFamilyName: "hits", Help: "Hits."}}}
	if w := postWrite(t, h, protoV1, encode(t, m)); w.Code != http.StatusNoContent || !strings.HasPrefix(l.String(), "no sample") {
		t.Errorf("%d %s, %s; want 204, no sample", w.Code, w.Body, l)
	}
}

func testUntilTriggersAreOpenSenderTriesAgain(t *testing.T) {
	h, _ := serve(t, &record{}, nil)
	if w := postWrite(t, h, protoV2, encode(t, &writev2.Request{Symbols: []string{"", "__name__", "a"}, Timeseries: []writev2.TimeSeries{
		{LabelsRefs: []uint32{1, 2}, Samples: []writev2.Sample{{Value: 4}}},
	}})); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s; want 503", w.Code, w.Body)
	}
}

var _ triggers.Samples = (*endpoints.Receiver)(nil)
