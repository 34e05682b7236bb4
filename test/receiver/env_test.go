package receiver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/httpserver"
	"github.com/impulse-sh/impulse/internal/ingest/store"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/alertmanager"
)

// disk stores shards in a folder, counts the writes, and can be full.
type disk struct {
	*store.Folder

	mu     sync.Mutex
	writes int
	full   bool
}

// Save implements store.Persister.
func (d *disk) Save(ctx context.Context, shard int, content store.Shard) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.full {
		return errors.New("the disk is full")
	}
	d.writes++
	return d.Folder.Save(ctx, shard, content)
}

func (d *disk) written() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

func (d *disk) fill(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

// receiver is a store behind a real server.
type receiver struct {
	t        *testing.T
	disk     *disk
	store    *store.Store
	url      string
	registry *prometheus.Registry
	poller   *triggers.Poller
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	return receiverFor(t, nil)
}

// receiverFor is newReceiver with credentials.
func receiverFor(t *testing.T, credentials *auth.Credentials) *receiver {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	folder, err := store.NewFolder(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{t: t, disk: &disk{Folder: folder}, registry: prometheus.NewRegistry(), poller: triggers.NewPoller(4, 4)}
	r.store = store.New(r.disk, time.Now)
	r.registry.MustRegister(r.store)
	testkit.Background(r.t, r.store.Run)
	testkit.Background(r.t, r.poller.Run)
	s, err := httpserver.New(t.Context(), httpserver.Options{
		Addr: "127.0.0.1:0", Credentials: credentials, Receiver: endpoints.New(r.store, time.Now, r.registry, log), Leading: func() bool { return true }, Ready: r.store.Ready, Registry: r.registry,
		Log: log, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Background(r.t, s.Run)
	r.url = "http://" + s.Addr()
	testkit.Eventually(t, "the alerts are loaded", func(context.Context) bool { return r.store.Ready() == nil })
	return r
}

// metric returns the sum of a metric's samples whose labels contain a text.
func (r *receiver) metric(name, label string) float64 {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && strings.Contains(m.String(), label) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// levels are the levels that a trigger has emitted.
type levels struct {
	t   *testing.T
	mu  sync.Mutex
	all []scalers.Event
}

// trigger opens a real alertmanager trigger of namespace shop; metadata is added to its matchers and threshold.
func (r *receiver) trigger(name string, metadata map[string]string) *levels {
	r.t.Helper()
	return r.triggerIn("shop", name, metadata)
}

// triggerIn is trigger for an object of another namespace.
func (r *receiver) triggerIn(namespace, name string, metadata map[string]string) *levels {
	r.t.Helper()
	all := map[string]string{"matchers": fmt.Sprintf("{alertname=%q}", name), "threshold": "1"}
	maps.Copy(all, metadata)
	kind := alertmanager.Kind()
	config, err := kind.Decode(all)
	if err != nil {
		r.t.Fatal(err)
	}
	source, err := kind.Open(config, triggers.Env{
		Namespace: namespace, Object: "web", Trigger: "alerts", Alerts: r.store, HTTP: http.DefaultClient, Now: time.Now, Poller: r.poller,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	l := &levels{t: r.t}
	testkit.Background(r.t, func(ctx context.Context) error {
		return source.Run(ctx, func(e scalers.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.all = append(l.all, e)
		})
	})
	return l
}

func (l *levels) values() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var events []string
	for _, e := range l.all {
		text := e.Value.String()
		if e.Err != nil {
			text = "unknown"
		}
		if e.Stale {
			text += " stale"
		}
		events = append(events, text)
	}
	return events
}

// until waits until the newest level has a value.
func (l *levels) until(value string) {
	l.t.Helper()
	testkit.Eventually(l.t, "the level is "+value, func(context.Context) bool {
		v := l.values()
		return len(v) > 0 && v[len(v)-1] == value
	})
}

// expectOnly fails the test when the trigger has emitted other levels.
func (l *levels) expectOnly(want ...string) {
	l.t.Helper()
	if got := l.values(); !slices.Equal(got, want) {
		l.t.Errorf("the trigger emitted %v, want %v", got, want)
	}
}

// peer is an Alertmanager.
type peer struct {
	*testkit.Process

	t            *testing.T
	url, cluster string
	args         []string
}

// start starts an Alertmanager that posts to a receiver's URL, in a cluster with others. hook has more fields of its webhook.
func start(t *testing.T, to, hook string, with ...*peer) *peer {
	t.Helper()
	return startWith(t, fmt.Sprintf(`
route: {receiver: 'web.hook', group_by: [team], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}
receivers:
- name: 'web.hook'
  webhook_configs: [{url: '%s', send_resolved: true%s}]
`, to, hook), with...)
}

// startWith starts an Alertmanager with a configuration, in a cluster with others.
func startWith(t *testing.T, text string, with ...*peer) *peer {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	web, cluster := testkit.FreeAddress(t), testkit.FreeAddress(t)
	p := &peer{t: t, url: "http://" + web, cluster: cluster, args: []string{
		"--config.file", config, "--storage.path", dir, "--web.listen-address", web, "--cluster.listen-address", cluster,
		"--cluster.peer-timeout=200ms", "--cluster.settle-timeout=1s",
	}}
	for _, other := range with {
		p.args = append(p.args, "--cluster.peer", other.cluster)
	}
	p.up()
	p.Eventually("it has joined its cluster", func(ctx context.Context) bool {
		var status struct{ Cluster struct{ Peers []any } }
		return p.call(ctx, http.MethodGet, "/api/v2/status", nil, &status) == nil && len(status.Cluster.Peers) > len(with)
	})
	return p
}

// up starts the Alertmanager, always with the same addresses.
func (p *peer) up() {
	p.t.Helper()
	p.Process = sandbox.Start(p.t, "alertmanager", p.args...)
	p.Eventually("it is ready", func(ctx context.Context) bool { return p.call(ctx, http.MethodGet, "/-/ready", nil, nil) == nil })
}

// call sends a request to the Alertmanager and decodes the response.
func (p *peer) call(ctx context.Context, method, path string, body, answer any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %s %w", path, resp.Status, content, err)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(content, answer)
}

// sendAlerts sends alerts of one group to Alertmanagers: firing since a time, or resolved now.
func sendAlerts(t *testing.T, all []*peer, since time.Time, fires bool, names ...string) {
	t.Helper()
	ends := time.Now().Add(time.Hour)
	if !fires {
		ends = time.Now()
	}
	var body []map[string]any
	for _, name := range names {
		body = append(body, map[string]any{"labels": map[string]string{"alertname": name, "team": "a"}, "startsAt": since, "endsAt": ends})
	}
	for _, p := range all {
		if err := p.call(t.Context(), http.MethodPost, "/api/v2/alerts", body, nil); err != nil {
			t.Fatal(err)
		}
	}
}
