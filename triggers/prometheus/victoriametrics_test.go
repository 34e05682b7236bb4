package prometheus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/victoriametrics"
)

func TestVictoriaMetrics(t *testing.T) {
	t.Parallel()
	t.Run("a real VictoriaMetrics is read", testRealVictoriaMetricsIsRead)
	t.Run("a real VictoriaMetrics requires its password", testRealVictoriaMetricsRequiresItsPassword)
}

// startVictoriaMetrics starts a real VictoriaMetrics that scrapes a target every second, and returns its address.
func startVictoriaMetrics(t *testing.T, target string, args ...string) (*testkit.Process, string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "scrape.yml")
	text := fmt.Sprintf("scrape_configs:\n- job_name: shop\n  scrape_interval: 1s\n  static_configs: [{targets: ['%s']}]\n", target)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := testkit.FreeAddress(t)
	args = append([]string{"-httpListenAddr", address, "-storageDataPath", filepath.Join(t.TempDir(), "data"), "-promscrape.config", config}, args...)
	return victoriametrics.Start(t, "../..", "victoria-metrics", args...), address
}

func testRealVictoriaMetricsIsRead(t *testing.T) {
	t.Parallel()
	target := metrics(t)
	p, address := startVictoriaMetrics(t, strings.TrimPrefix(target.URL, "http://"))
	read := func(change func(*Config)) string {
		c := configured("http://" + address)
		c.QueryParameters = []string{"latency_offset=1ms"} // Otherwise it evaluates queries as of 30 s ago.
		change(&c)
		v, err := mustReader(t, c, environment(nil)).Read(t.Context())
		return fmt.Sprint(v, " ", err)
	}
	query := func(q string) func(*Config) { return func(c *Config) { c.Query = q } }
	p.Eventually("the sum is read", func(context.Context) bool { return read(query("sum(hits)")) == "241.5 <nil>" })
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"a scalar":            {query("1.5"), "1.5 <nil>"},
		"a MetricsQL query":   {query("sum(lost) default sum(hits)"), "241.5 <nil>"},
		"two elements":        {query("hits"), "has 2 elements"},
		"a range":             {query("hits[1m]"), "range of samples"},
		"a division by zero":  {query("sum(hits)/0"), "is +Inf"},
		"a negative value":    {query("-sum(hits)"), "is negative"},
		"a string":            {query(`"text"`), "empty"},
		"no series":           {query("sum(lost)"), "empty"},
		"an unknown function": {query("summ(hits)"), "unsupported function"},
		"a long timeout":      {func(c *Config) { c.Timeout = 61*time.Second + 20*time.Millisecond }, "241.5 <nil>"},
		"a fraction of it":    {func(c *Config) { c.Timeout = 1500 * time.Millisecond }, "241.5 <nil>"},
		"partial answers":     {func(c *Config) { c.AcceptPartial = true }, "241.5 <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			expectText(t, "the outcome", c.want, func() string { return read(c.change) })
		})
	}
}

func testRealVictoriaMetricsRequiresItsPassword(t *testing.T) {
	t.Parallel()
	target := metrics(t)
	p, address := startVictoriaMetrics(t, strings.TrimPrefix(target.URL, "http://"), "-httpAuth.username", "me", "-httpAuth.password", "correct horse")
	secrets := map[string]string{"username": "me", "password": "wrong"}
	c := configured("http://" + address)
	c.AuthModes, c.Query = "basic", "vector(7)"
	r := mustReader(t, c, environment(secrets))
	p.Eventually("a wrong password is unknown", func(ctx context.Context) bool {
		_, err := r.Read(ctx)
		return err != nil && strings.HasSuffix(err.Error(), "client error: 401")
	})
	secrets["password"] = "correct horse"
	p.Eventually("the right password reads", func(ctx context.Context) bool {
		v, err := r.Read(ctx)
		return err == nil && v == 7000
	})
}
