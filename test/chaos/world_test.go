package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
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

	"github.com/impulse-sh/impulse/internal/testkit/process"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

// patience is how long a part may take to start.
const patience = 60 * time.Second

// world is one seed's parts and what is true of them.
type world struct {
	t        *testing.T
	dir      string
	plan     *plan
	ledger   *ledger
	truth    *truth
	plane    *plane
	policies map[string]*policy

	impulses []*part
	// urls are where the Impulses listen, api the wires from each to the API server, and peers those that the others reach
	// it through.
	urls          []string
	api, peers    []*wire
	alertmanagers []*part
	doors         []*door
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
	// busy says which parts a fault is upon: another one passes them by.
	busy map[string]bool
	// onAcceptance is called once, by the next acceptance, with who leads.
	onAcceptance func(leader int)
	background   sync.WaitGroup
}

// newWorld is a world in which nothing runs yet.
func newWorld(t *testing.T, p *plan) *world {
	t.Helper()
	w := &world{t: t, dir: folder(t), plan: p, ledger: newLedger(), policies: map[string]*policy{}, busy: map[string]bool{}}
	w.sent = &copies{firing: map[alertID][]byte{}}
	w.truth = newTruth(w.ledger)
	w.truth.late = func(object string) bool {
		return slices.ContainsFunc(w.doors, func(d *door) bool { return d.isLate(object) })
	}
	t.Cleanup(w.background.Wait) // What runs in it ends with the test.
	return w
}

// build starts everything that a plan needs.
func build(t *testing.T, p *plan) *world {
	t.Helper()
	w := newWorld(t, p)
	for _, o := range p.objects {
		compiled, err := compileObject(o)
		if err != nil {
			t.Fatal(err)
		}
		w.policies[o.name] = compiled
	}
	w.startNATS()
	w.startPrometheus()
	w.plane = newPlane(w)
	w.background.Go(func() { w.plane.measure(t.Context()) })
	w.startImpulses()
	w.startAlertmanagers()
	return w
}

// folder is where the files of a seed are; they stay when it fails.
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

// taken are the addresses that some world of this process has: its parts do not listen on them all the time.
var taken sync.Map

// free is an address that nobody listens on, below the ports of outgoing connections: nobody takes it while its part is dead.
func (w *world) free() string {
	w.t.Helper()
	var config net.ListenConfig
	for {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
		if _, ours := taken.LoadOrStore(address, w); ours {
			continue
		}
		l, err := config.Listen(w.t.Context(), "tcp", address)
		if err != nil {
			taken.Delete(address) // Somebody else's.
			continue
		}
		_ = l.Close()
		w.t.Cleanup(func() { taken.Delete(address) })
		return address
	}
}

// run starts a part and fails the test when it cannot.
func (w *world) run(ctx context.Context, p *part) {
	w.t.Helper()
	if err := p.start(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// until waits for a condition.
func (w *world) until(what string, cond func(ctx context.Context) bool) {
	w.t.Helper()
	if err := process.WaitFor(w.t.Context(), patience, what, func(ctx context.Context) (bool, error) { return cond(ctx), nil }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) startNATS() {
	w.t.Helper()
	w.natsAddress = w.free()
	_, port, err := net.SplitHostPort(w.natsAddress)
	if err != nil {
		w.t.Fatal(err)
	}
	w.nats = w.part("nats", sandbox.Binary(w.t, "nats-server"), "-js", "-a", "127.0.0.1", "-p", port, "-sd", filepath.Join(w.dir, "nats"))
	w.run(w.t.Context(), w.nats)
	w.natsWire = newWire(w.t, w.natsAddress)
	conn, err := nats.Connect("nats://"+w.natsAddress, nats.RetryOnFailedConnect(true), nats.ReconnectWait(50*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(conn.Close)
	w.until("nats-server answers", func(context.Context) bool { return conn.IsConnected() })
	js, err := jetstream.New(conn)
	if err != nil {
		w.t.Fatal(err)
	}
	w.queues = &queues{ledger: w.ledger, js: js, consumers: map[string]jetstream.Consumer{}, sent: map[string]int{}, taken: map[string]int{}}
	for _, o := range w.plan.objects {
		if !o.queue {
			continue
		}
		if err := w.queues.add(w.t.Context(), o.name); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) startPrometheus() {
	w.t.Helper()
	w.metrics = newMetrics(w.t, w.ledger)
	for _, o := range w.plan.objects {
		if o.query {
			w.metrics.set(o.name, 10)
		}
	}
	config := filepath.Join(w.dir, "prometheus.yml")
	w.file(config, fmt.Sprintf("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs: [{job_name: chaos, static_configs: [{targets: ['%s']}]}]\n",
		w.metrics.Listener.Addr()))
	address := w.free()
	w.prometheus = w.part("prometheus", sandbox.Binary(w.t, "prometheus"), "--config.file", config, "--log.level", "error",
		"--storage.tsdb.path", filepath.Join(w.dir, "prometheus"), "--web.listen-address", address)
	w.run(w.t.Context(), w.prometheus)
	w.promWire = newWire(w.t, address)
}

func (w *world) file(path, text string) {
	w.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// startImpulses starts all Impulses, each with its own wire to the API server.
func (w *world) startImpulses() {
	w.t.Helper()
	list := filepath.Join(w.dir, "credentials.yaml")
	w.file(list, credentials(w.plane.namespace))
	for i := range w.plan.impulses {
		config, err := clientcmd.LoadFromFile(w.plane.kubeconfig)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, cluster := range config.Clusters {
			if len(w.api) == i {
				w.api = append(w.api, newWire(w.t, hostOf(w.t, cluster.Server)))
			}
			cluster.Server = "https://" + w.api[i].address()
		}
		kubeconfig := filepath.Join(w.dir, fmt.Sprintf("kubeconfig-%d", i))
		if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
			w.t.Fatal(err)
		}
		address, private := w.free(), w.free()
		w.urls, w.peers = append(w.urls, "http://"+address), append(w.peers, newWire(w.t, private))
		w.impulses = append(w.impulses, w.part(fmt.Sprintf("impulse-%d", i), suite.impulse, "run", "--kubeconfig", kubeconfig,
			"--namespace", w.plane.namespace, "--lease-namespace", w.plane.namespace, "--listen", address, "--credentials-file", list,
			"--peer-listen", private, "--peer-advertise", w.peers[i].address(), "--allow-source-addresses", "127.0.0.0/8"))
		w.run(w.t.Context(), w.impulses[i])
	}
	w.until("all impulses are ready", w.ready)
	w.background.Go(func() { w.follow(w.t.Context()) })
}

// ready reports whether all Impulses say that they are.
func (w *world) ready(ctx context.Context) bool {
	for _, url := range w.urls {
		if code, _ := send(ctx, http.MethodGet, url+"/readyz", nil); code != http.StatusOK {
			return false
		}
	}
	return true
}

// leader is the Impulse that the Lease names; negative when that is nobody, or cannot be known.
func (w *world) leader(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	holder := w.plane.holder(ctx)
	return slices.IndexFunc(w.peers, func(wire *wire) bool { return strings.Contains(holder, "/"+wire.address()+"/") })
}

// follow keeps the ledger up to date with who leads.
func (w *world) follow(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		w.ledger.led(w.leader(ctx))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// startAlertmanagers starts a cluster of them, and tells them what is true.
func (w *world) startAlertmanagers() {
	w.t.Helper()
	var clusters, urls []string
	for i := range peers {
		clusters = append(clusters, w.free())
		w.gossips = append(w.gossips, newGossip(w.t, clusters[i]))
		d := newDoor(w.t, fmt.Sprintf("alertmanager-%d", i), "/v1/alertmanager/"+w.plane.namespace, w.plan.seed+uint64(i)<<32, w.urls, w.sent, w.ledger)
		d.accepted = w.accepted
		w.doors = append(w.doors, d)
	}
	for i := range peers {
		config := filepath.Join(w.dir, fmt.Sprintf("alertmanager-%d.yml", i))
		w.file(config, fmt.Sprintf(`
route: {receiver: impulse, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: impulse, webhook_configs: [{url: '%s', send_resolved: true}]}]
`, w.doors[i].URL))
		address := w.free()
		urls = append(urls, "http://"+address)
		args := []string{
			"--config.file", config, "--storage.path", filepath.Join(w.dir, fmt.Sprintf("alertmanager-%d", i)), "--log.level", "error",
			"--web.listen-address", address, "--cluster.listen-address", clusters[i], "--cluster.advertise-address", w.gossips[i].address(),
			"--cluster.gossip-interval", "20ms", "--cluster.pushpull-interval", "500ms", "--cluster.peer-timeout", "300ms",
			"--cluster.reconnect-interval", "500ms", "--cluster.probe-interval", "500ms", "--cluster.settle-timeout", "3s",
		}
		for j, g := range w.gossips {
			if j != i {
				args = append(args, "--cluster.peer", g.address())
			}
		}
		w.alertmanagers = append(w.alertmanagers, w.part(fmt.Sprintf("alertmanager-%d", i), sandbox.Binary(w.t, "alertmanager"), args...))
		w.run(w.t.Context(), w.alertmanagers[i])
	}
	for i, url := range urls {
		w.until("alertmanager is ready", func(ctx context.Context) bool {
			code, _ := send(ctx, http.MethodGet, url+"/-/ready", nil)
			return code == http.StatusOK
		})
		w.background.Go(func() { w.truth.tell(w.t.Context(), i, url) })
	}
}

// accepted tells whoever waits for the next acceptance, and who leads.
func (w *world) accepted() {
	w.mu.Lock()
	call := w.onAcceptance
	w.onAcceptance = nil
	w.mu.Unlock()
	if call != nil {
		call(w.ledger.leading())
	}
}
