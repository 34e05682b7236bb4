package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// startTimeout is how long a part may take to start.
const startTimeout = testkit.Timeout

// env is the parts of one seed, and the true state of its alerts, queues and queries.
type env struct {
	t        *testing.T
	dir      string
	plan     *plan
	ledger   *ledger
	truth    *truth
	plane    *plane
	policies map[string]*policy

	impulses []*part
	// urls are the addresses of the Impulses, api the wires from each to the API server, and peers the wires on which the
	// others reach it.
	urls          []string
	api, peers    []*wire
	alertmanagers []*part
	balancers     []*balancer
	sent          *copies
	gossips       []*gossip
	nats          *part
	natsWire      *wire
	natsAddress   string
	prometheus    *part
	promWire      *wire
	metrics       *metrics
	queues        *queues

	mu sync.Mutex
	// busy are the parts with an active fault; another fault skips them.
	busy map[string]bool
	// onAcceptance is called once, at the next acceptance, with the leader.
	onAcceptance func(leader int)
	background   sync.WaitGroup
}

// newEnv returns an env in which nothing runs yet.
func newEnv(t *testing.T, p *plan) *env {
	t.Helper()
	w := &env{t: t, dir: folder(t), plan: p, ledger: newLedger(), policies: map[string]*policy{}, busy: map[string]bool{}}
	w.sent = &copies{firing: map[alertID][]byte{}}
	w.truth = newTruth(w.ledger)
	w.truth.retrying = func(object string) bool {
		return slices.ContainsFunc(w.balancers, func(d *balancer) bool { return d.isRetrying(object) })
	}
	t.Cleanup(w.background.Wait) // What runs in it ends with the test.
	return w
}

// build starts everything that a plan needs.
func build(t *testing.T, p *plan) *env {
	t.Helper()
	e := newEnv(t, p)
	for _, o := range p.objects {
		compiled, err := compileObject(o)
		if err != nil {
			t.Fatal(err)
		}
		e.policies[o.name] = compiled
	}
	e.startNATS()
	e.startPrometheus()
	e.plane = newPlane(e)
	e.background.Go(func() { e.plane.measure(t.Context()) })
	e.startImpulses()
	e.startAlertmanagers()
	return e
}

// folder creates the folder for the files of a seed; they stay when it fails.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "impulse-chaos-") //nolint:usetesting // The logs stay when the test fails.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the logs are in %s", dir)
			return
		}
		_ = os.RemoveAll(dir)
	})
	return dir
}

// run starts a part and fails the test when it cannot.
func (e *env) run(ctx context.Context, p *part) {
	e.t.Helper()
	if err := p.start(ctx); err != nil {
		e.t.Fatal(err)
	}
}

// until waits for a condition.
func (e *env) until(what string, cond func(ctx context.Context) bool) {
	e.t.Helper()
	if err := process.WaitFor(e.t.Context(), startTimeout, what, func(ctx context.Context) (bool, error) { return cond(ctx), nil }); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) startNATS() {
	e.t.Helper()
	e.natsAddress = testkit.FreeAddress(e.t)
	_, port, err := net.SplitHostPort(e.natsAddress)
	if err != nil {
		e.t.Fatal(err)
	}
	e.nats = e.part("nats", sandbox.Binary(e.t, "nats-server"), "-js", "-a", "127.0.0.1", "-p", port, "-sd", filepath.Join(e.dir, "nats"))
	e.run(e.t.Context(), e.nats)
	e.natsWire = newWire(e.t, e.natsAddress)
	conn, err := nats.Connect("nats://"+e.natsAddress, nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(conn.Close)
	e.until("nats-server answers", func(context.Context) bool { return conn.IsConnected() })
	js, err := jetstream.New(conn)
	if err != nil {
		e.t.Fatal(err)
	}
	e.queues = &queues{ledger: e.ledger, js: js, consumers: map[string]jetstream.Consumer{}, sent: map[string]int{}, taken: map[string]int{}}
	for _, o := range e.plan.objects {
		if !o.queue {
			continue
		}
		if err := e.queues.add(e.t.Context(), o.name); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *env) startPrometheus() {
	e.t.Helper()
	e.metrics = newMetrics(e.t, e.ledger)
	for _, o := range e.plan.objects {
		if o.query {
			e.metrics.set(o.name, 10)
		}
	}
	config := filepath.Join(e.dir, "prometheus.yml")
	e.file(config, fmt.Sprintf("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs: [{job_name: chaos, static_configs: [{targets: ['%s']}]}]\n",
		e.metrics.Listener.Addr()))
	address := testkit.FreeAddress(e.t)
	e.prometheus = e.part("prometheus", sandbox.Binary(e.t, "prometheus"), "--config.file", config, "--log.level", "error",
		"--storage.tsdb.path", filepath.Join(e.dir, "prometheus"), "--web.listen-address", address)
	e.run(e.t.Context(), e.prometheus)
	e.promWire = newWire(e.t, address)
}

func (e *env) file(path, text string) {
	e.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

// startImpulses starts all Impulses, each with its own wire to the API server.
func (e *env) startImpulses() {
	e.t.Helper()
	list := filepath.Join(e.dir, "credentials.yaml")
	e.file(list, credentials(e.plane.Namespace))
	for i := range e.plan.impulses {
		config, err := clientcmd.LoadFromFile(e.plane.Kubeconfig)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, cluster := range config.Clusters {
			if len(e.api) == i {
				e.api = append(e.api, newWire(e.t, hostOf(e.t, cluster.Server)))
			}
			cluster.Server = "https://" + e.api[i].address()
		}
		kubeconfig := filepath.Join(e.dir, fmt.Sprintf("kubeconfig-%d", i))
		if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
			e.t.Fatal(err)
		}
		address, private := testkit.FreeAddress(e.t), testkit.FreeAddress(e.t)
		e.urls, e.peers = append(e.urls, "http://"+address), append(e.peers, newWire(e.t, private))
		e.impulses = append(e.impulses, e.part(fmt.Sprintf("impulse-%d", i), sandbox.Command(e.t, root, "./cmd/impulse"), "run", "--kubeconfig", kubeconfig,
			"--namespace", e.plane.Namespace, "--lease-namespace", e.plane.Namespace, "--listen", address, "--credentials-file", list,
			"--peer-listen", private, "--peer-advertise", e.peers[i].address(), "--allow-source-addresses", "127.0.0.0/8"))
		e.run(e.t.Context(), e.impulses[i])
	}
	e.until("all impulses are ready", e.ready)
	e.background.Go(func() { e.follow(e.t.Context()) })
}

// ready reports whether all Impulses are ready.
func (e *env) ready(ctx context.Context) bool {
	for _, url := range e.urls {
		if code, _ := testkit.Get(ctx, url+"/readyz"); code != http.StatusOK {
			return false
		}
	}
	return true
}

// leader returns the Impulse that the Lease names; negative when there is none, or it is unknown.
func (e *env) leader(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	holder := e.plane.holder(ctx)
	return slices.IndexFunc(e.peers, func(wire *wire) bool { return strings.Contains(holder, "/"+wire.address()+"/") })
}

// follow records the leader in the ledger.
func (e *env) follow(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		e.ledger.recordLeader(e.leader(ctx))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// startAlertmanagers starts a cluster of them, and sends them the true alerts.
func (e *env) startAlertmanagers() {
	e.t.Helper()
	var clusters, urls []string
	for i := range peers {
		clusters = append(clusters, testkit.FreeAddress(e.t))
		e.gossips = append(e.gossips, newGossip(e.t, clusters[i]))
		d := newBalancer(e.t, fmt.Sprintf("alertmanager-%d", i), "/v1/alertmanager/"+e.plane.Namespace, e.plan.seed+uint64(i)<<32, e.urls, e.sent, e.ledger)
		d.accepted = e.onAccepted
		e.balancers = append(e.balancers, d)
	}
	for i := range peers {
		config := filepath.Join(e.dir, fmt.Sprintf("alertmanager-%d.yml", i))
		e.file(config, fmt.Sprintf(`
route: {receiver: impulse, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: impulse, webhook_configs: [{url: '%s', send_resolved: true}]}]
`, e.balancers[i].URL))
		address := testkit.FreeAddress(e.t)
		urls = append(urls, "http://"+address)
		args := []string{
			"--config.file", config, "--storage.path", filepath.Join(e.dir, fmt.Sprintf("alertmanager-%d", i)), "--log.level", "error",
			"--web.listen-address", address, "--cluster.listen-address", clusters[i], "--cluster.advertise-address", e.gossips[i].address(),
			"--cluster.gossip-interval", "20ms", "--cluster.pushpull-interval", "500ms", "--cluster.peer-timeout", "300ms",
			"--cluster.reconnect-interval", "500ms", "--cluster.probe-interval", "500ms", "--cluster.settle-timeout", "3s",
		}
		for j, g := range e.gossips {
			if j != i {
				args = append(args, "--cluster.peer", g.address())
			}
		}
		e.alertmanagers = append(e.alertmanagers, e.part(fmt.Sprintf("alertmanager-%d", i), sandbox.Binary(e.t, "alertmanager"), args...))
		e.run(e.t.Context(), e.alertmanagers[i])
	}
	for i, url := range urls {
		e.until("alertmanager is ready", func(ctx context.Context) bool {
			code, _ := testkit.Get(ctx, url+"/-/ready")
			return code == http.StatusOK
		})
		e.background.Go(func() { e.truth.run(e.t.Context(), i, url) })
	}
}

// accepted calls onAcceptance.
func (e *env) onAccepted() {
	e.mu.Lock()
	call := e.onAcceptance
	e.onAcceptance = nil
	e.mu.Unlock()
	if call != nil {
		call(e.ledger.leading())
	}
}
