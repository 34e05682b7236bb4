package httpserver

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/internal/testkit/victoriametrics"
)

func TestWriters(t *testing.T) {
	for _, message := range []string{protoV1, protoV2} {
		t.Run("a real Prometheus writes "+message, func(t *testing.T) { testPrometheusWrites(t, message) })
	}
	t.Run("a real vmagent writes zstd first, and then snappy", testVMAgentWrites)
}

// written is a server with a trigger on the metric hits, and what a writer scrapes for it.
type written struct {
	t           *testing.T
	last        *lastEvent
	url, target string
	closeTarget func()
	mu          sync.Mutex
	hits        float64
	answers     []string
}

// receiveWrites starts the server and the target.
func receiveWrites(t *testing.T) *written {
	t.Helper()
	h, l := serveWrites(t, map[string]string{"selector": `hits{path="a"}`, "threshold": "1", "aggregation": "last"})
	w := &written{t: t, last: l, hits: 41.5}
	impulse := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		h.ServeHTTP(recorded, r)
		maps.Copy(answer.Header(), recorded.Header())
		answer.WriteHeader(recorded.Code)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.answers = append(w.answers, fmt.Sprint(recorded.Code, " ", r.Header.Get("Content-Encoding"), " ", r.Header.Get("Content-Type")))
	}))
	t.Cleanup(impulse.Close)
	target := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		_, _ = fmt.Fprintf(answer, "hits{path=\"a\"} %v\nhits{path=\"b\"} 1\n", w.hits)
	}))
	t.Cleanup(target.Close)
	w.url, w.target, w.closeTarget = impulse.URL+writePath, strings.TrimPrefix(target.URL, "http://"), target.Close
	return w
}

// file writes a file, and returns its path.
func (w *written) file(text string) string {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "config.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// follow checks that the level follows the target until it is gone, and returns the answers to the writer.
func (w *written) follow(p *testkit.Process) []string {
	w.t.Helper()
	is := func(level string) func(context.Context) bool {
		return func(context.Context) bool { return w.last.String() == level }
	}
	set := func(hits float64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.hits = hits
	}
	p.Eventually("the sample is the level", is("41.5"))
	set(97)
	p.Eventually("the next sample is the level", is("97"))
	set(math.NaN())
	p.Eventually("NaN is unknown", is("the value of a selected series is NaN"))
	w.closeTarget()
	p.Eventually("a scrape that fails ends the series", is("all selected series have ended"))
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.answers)
}

// testPrometheusWrites has a real Prometheus scrape a target and write its samples.
func testPrometheusWrites(t *testing.T, message string) {
	w := receiveWrites(t)
	config := w.file(fmt.Sprintf(`global: {scrape_interval: 100ms, scrape_timeout: 100ms}
scrape_configs:
- job_name: shop
  static_configs: [{targets: ['%s']}]
remote_write:
- url: %s
  protobuf_message: %s
  queue_config: {batch_send_deadline: 50ms}
`, w.target, w.url, message))
	answers := w.follow(sandbox.Start(t, "prometheus", "--config.file", config, "--storage.tsdb.path", filepath.Join(t.TempDir(), "data"),
		"--web.listen-address", testkit.FreeAddress(t), "--log.level", "error"))
	want := map[string]string{protoV1: "204 snappy application/x-protobuf", protoV2: "204 snappy application/x-protobuf;proto=" + protoV2}[message]
	refused := func(answer string) bool { return strings.HasPrefix(answer, "4") }
	if !slices.Contains(answers, want) || slices.ContainsFunc(answers, refused) { // A busy machine may give a 503 now and then.
		t.Errorf("the answers are %q; want %q among them, and none refused", answers[max(0, len(answers)-3):], want)
	}
}

// vmagent begins with its own protocol, whose messages are those of version 1.0 with another compression.
func testVMAgentWrites(t *testing.T) {
	w := receiveWrites(t)
	config := w.file(fmt.Sprintf("scrape_configs:\n- job_name: shop\n  scrape_interval: 1s\n  static_configs: [{targets: ['%s']}]\n", w.target))
	answers := w.follow(victoriametrics.Start(t, "../../..", "vmagent", "-promscrape.config", config, "-remoteWrite.url", w.url,
		"-remoteWrite.flushInterval", "100ms", "-remoteWrite.queues", "1", "-remoteWrite.tmpDataPath", t.TempDir(), "-httpListenAddr", testkit.FreeAddress(t)))
	const refused, accepted = "415 zstd application/x-protobuf", "204 snappy application/x-protobuf"
	again := slices.Index(answers, accepted)
	if len(answers) == 0 || answers[0] != refused || again < 0 || slices.Contains(answers[again:], refused) {
		t.Errorf("the answers are %q; want %q first, and only %q after it", answers[:min(len(answers), 9)], refused, accepted)
	}
}
