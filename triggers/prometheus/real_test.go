package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestRealPrometheus(t *testing.T) {
	t.Parallel()
	t.Run("a real Prometheus is read and read again after its restart", testRealPrometheusIsReadAndReadAgainAfterItsRestart)
	t.Run("a real Prometheus refuses with a reason", testRealPrometheusRefusesWithReason)
	t.Run("a real Prometheus accepts every timeout", testRealPrometheusAcceptsEveryTimeout)
	t.Run("a real Prometheus requires its password", testRealPrometheusRequiresItsPassword)
	t.Run("a real Prometheus evaluates at a multiple of the step", testRealPrometheusEvaluatesAtMultipleOfStep)
}

// web allows the user me with the password "correct horse" (bcrypt).
const web = "basic_auth_users:\n  me: $2a$04$vUx71p.6BCg8/O3itE1grubFElDzrm59v7Fj1Et/IrfaSPKpxx7v2\n"

// scraped is a real Prometheus that scrapes one target several times a second.
type scraped struct {
	t       *testing.T
	address string
	args    []string
	process *testkit.Process
}

func start(t *testing.T, target string, webConfig string) *scraped {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"prometheus.yml": fmt.Sprintf("scrape_configs:\n- job_name: shop\n  scrape_interval: 100ms\n  scrape_timeout: 100ms\n"+
			"  static_configs:\n  - targets: ['%s']\n", target),
		"web.yml": webConfig,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := testkit.FreeAddress(t)
	p := &scraped{t: t, address: address, args: []string{
		"--config.file", filepath.Join(dir, "prometheus.yml"), "--web.config.file", filepath.Join(dir, "web.yml"),
		"--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", address, "--log.level", "error",
		"--query.lookback-delta", "5s", // A series ends 5 s after its last sample, also when the restart came between.
	}}
	p.restart()
	return p
}

// restart starts Prometheus at the same address with the same data.
func (p *scraped) restart() {
	p.t.Helper()
	p.process = sandbox.Start(p.t, "prometheus", p.args...)
	p.process.Eventually("Prometheus is ready", func(ctx context.Context) bool {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/-/ready", http.NoBody)
		if err != nil {
			return false
		}
		request.SetBasicAuth("me", "correct horse")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// metrics serves one gauge.
func metrics(t *testing.T) *httptest.Server {
	t.Helper()
	return serveWith(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("hits{path=\"a\"} 240.5\nhits{path=\"b\"} 1\n"))
	})
}

// expectText fails the test unless an outcome has a text sooner or later: a series ends when a busy machine misses a scrape.
func expectText(t *testing.T, what, want string, read func() string) {
	t.Helper()
	var got string
	if !testkit.Poll(t, func(context.Context) bool { got = read(); return strings.Contains(got, want) }) {
		t.Errorf("%s: got %q, want it with %q", what, got, want)
	}
}

func testRealPrometheusIsReadAndReadAgainAfterItsRestart(t *testing.T) {
	t.Parallel()
	target := metrics(t)
	p := start(t, strings.TrimPrefix(target.URL, "http://"), "")
	r := mustReader(t, configured("http://"+p.address), environment(nil))
	reads := func(want string) func(context.Context) bool {
		return func(ctx context.Context) bool {
			v, err := r.Read(ctx)
			return fmt.Sprint(v, " ", err) == want
		}
	}
	p.process.Eventually("the sum is read", reads("241.5 <nil>"))

	p.process.Kill()
	if v, err := r.Read(t.Context()); err == nil {
		t.Fatalf("read %v from a killed server", v)
	}
	p.restart()
	p.process.Eventually("the sum is read again", reads("241.5 <nil>"))

	target.Close()
	p.process.Eventually("a series that ended is unknown, not zero",
		reads("0 query "+p.address+": the answer is empty: no series matches the query"))
}

func testRealPrometheusRefusesWithReason(t *testing.T) {
	t.Parallel()
	target := metrics(t)
	p := start(t, strings.TrimPrefix(target.URL, "http://"), "")
	read := func(query string) string {
		c := configured("http://" + p.address)
		c.Query = query
		v, err := mustReader(t, c, environment(nil)).Read(t.Context())
		return fmt.Sprint(v, " ", err)
	}
	p.process.Eventually("both series are there", func(context.Context) bool { return read("count(hits)") == "2 <nil>" })
	for query, want := range map[string]string{
		"1.5":               "1.5 <nil>",
		"hits":              "has 2 elements",
		"hits[1m]":          "range of samples",
		"sum(hits)/0":       "is +Inf",
		"sum(hits)*0/0":     "is NaN",
		"-sum(hits)":        "is negative",
		"sum(":              "bad_data: invalid parameter \"query\":",
		`"text"`:            "is a string, not a number",
		"rate(hits[1m]) > ": "bad_data:",
		"sum(lost)":         "empty",
	} {
		expectText(t, query, want, func() string { return read(query) })
	}
}

func testRealPrometheusAcceptsEveryTimeout(t *testing.T) {
	t.Parallel()
	target := metrics(t)
	p := start(t, strings.TrimPrefix(target.URL, "http://"), "")
	for _, timeout := range []time.Duration{1500 * time.Millisecond, 2*time.Second + 1, 61*time.Second + 20*time.Millisecond, 36 * time.Hour} {
		c := configured("http://" + p.address)
		c.Query, c.Timeout = "vector(7)", timeout
		r := mustReader(t, c, environment(nil))
		expectText(t, "with a timeout of "+timeout.String(), "7 <nil>", func() string {
			v, err := r.Read(t.Context())
			return fmt.Sprint(v, " ", err)
		})
	}
}

func testRealPrometheusRequiresItsPassword(t *testing.T) {
	t.Parallel()
	target := metrics(t)
	p := start(t, strings.TrimPrefix(target.URL, "http://"), web)
	secrets := map[string]string{"username": "me", "password": "wrong"}
	c := configured("http://" + p.address)
	c.AuthModes = "basic"
	r := mustReader(t, c, environment(secrets))
	p.process.Eventually("a wrong password is unknown", func(ctx context.Context) bool {
		_, err := r.Read(ctx)
		return err != nil && strings.HasSuffix(err.Error(), "client error: 401")
	})
	secrets["password"] = "correct horse"
	p.process.Eventually("the right password reads", func(ctx context.Context) bool {
		v, err := r.Read(ctx)
		return err == nil && v == 241_500
	})
}

func testRealPrometheusEvaluatesAtMultipleOfStep(t *testing.T) {
	t.Parallel()
	target := metrics(t)
	p := start(t, strings.TrimPrefix(target.URL, "http://"), "")
	c := configured("http://" + p.address)
	c.Query, c.EvaluationStep, c.Timeout = "time()", time.Minute, time.Minute
	before := time.Now()
	v, err := mustReader(t, c, environment(nil)).Read(t.Context())
	at := time.UnixMilli(int64(v))
	if err != nil || at.Unix()%60 != 0 || at.After(time.Now()) || before.Sub(at) > time.Minute {
		t.Errorf("at %s the query was evaluated at %s, error %v; want a multiple of a minute", before, at, err)
	}
}
