package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/triggers"
)

func TestMonitor(t *testing.T) {
	t.Run("the leader is followed through a cluster", testLeaderIsFollowedThroughCluster)
	t.Run("a new leader is found", testNewLeaderIsFound)
	t.Run("servers without an advertised address are found by their routes", testServersWithoutAdvertisedAddressAreFoundByTheirRoutes)
	t.Run("servers are found by name behind a headless service", testServersAreFoundByNameBehindHeadlessService)
	t.Run("faults of the monitoring endpoint are unknown, with a reason of one line", testFaultsOfMonitoringEndpointAreUnknownWithReasonOfOneLine)
	t.Run("the certificate of the monitoring endpoint is checked", testCertificateOfMonitoringEndpointIsChecked)
	t.Run("a cluster with unavailable servers is unknown", testClusterWithUnavailableServersIsUnknown)
	t.Run("a slow monitoring endpoint is unknown after its timeout", testSlowMonitoringEndpointIsUnknownAfterItsTimeout)
}

// consumerReader reads one consumer from the monitoring endpoint.
type consumerReader struct {
	*monitor

	name    name
	secrets triggers.Secrets
}

func newReader(c Config, env triggers.Env) *consumerReader {
	r := &consumerReader{newMonitor(c, env.HTTP), name{stream: c.Stream, consumer: c.Consumer}, env.Secrets}
	r.want(r.name)
	return r
}

// Read returns the backlog.
func (r *consumerReader) Read(ctx context.Context) (backlog, error) {
	all, err := r.read(ctx, r.secrets)
	if err != nil {
		return backlog{}, err
	}
	return all[r.name].backlog, all[r.name].err
}

// natsCluster is three real servers at 127.0.0.1 to 127.0.0.3, all with the same ports, as pods have them.
type natsCluster struct {
	t          *testing.T
	monitoring string // The port.
	servers    map[string]*server
}

// cluster starts three servers; routing is added to the configuration of their cluster.
func startCluster(t *testing.T, routing string) *natsCluster {
	t.Helper()
	port := func() string {
		_, p, _ := net.SplitHostPort(testkit.FreeAddressOf(t, "0.0.0.0"))
		return p
	}
	client, monitoring, route := port(), port(), port()
	c := &natsCluster{t: t, monitoring: monitoring, servers: map[string]*server{}}
	for i := 1; i <= 3; i++ {
		ip := fmt.Sprintf("127.0.0.%d", i)
		config := fmt.Sprintf(`server_name: n%d
listen: "%s:%s"
http: "%s:%s"
jetstream {store_dir: "%s"}
cluster {name: c, listen: "%s:%s", routes: ["nats://127.0.0.1:%s", "nats://127.0.0.2:%s", "nats://127.0.0.3:%s"], %s}
`, i, ip, client, ip, monitoring, t.TempDir(), ip, route, route, route, route, routing)
		s := &server{t: t, address: ip + ":" + client, monitoring: ip + ":" + monitoring}
		s.args = []string{"-c", configFile(t, "nats.conf", config)}
		s.Process = sandbox.Start(t, "nats-server", s.args...)
		c.servers[fmt.Sprintf("n%d", i)] = s
	}
	for _, s := range c.servers {
		s.WaitListening(s.address)
	}
	return c
}

// leader returns the name of the server that leads the consumer, once it is another than the former one.
func leader(t *testing.T, js jetstream.JetStream, former string) string {
	t.Helper()
	var name string
	testkit.Eventually(t, "the consumer has a leader", func(ctx context.Context) bool {
		c, err := js.Consumer(ctx, "WORK", "workers")
		if err == nil && c.CachedInfo().Cluster != nil {
			name = c.CachedInfo().Cluster.Leader
		}
		return name != "" && name != former
	})
	return name
}

// expectLevel waits until a monitor reads a level.
func expectLevel(t *testing.T, m *consumerReader, want string) {
	t.Helper()
	var last string
	defer func() {
		if t.Failed() {
			t.Logf("it read last: %s", last)
		}
	}()
	testkit.Eventually(t, "the monitor reads "+want, func(ctx context.Context) bool {
		v, err := m.Read(ctx)
		last = fmt.Sprint(v.level, " ", err)
		return err == nil && v.level.String() == want
	})
}

func testLeaderIsFollowedThroughCluster(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			c := startCluster(t, "")
			js := c.servers["n1"].client()
			consumer := createWork(t, js, replicas)
			publish(t, js, 9)
			drain(t, consumer, 2, true)
			for name, s := range c.servers {
				m := newReader(monitored(s.monitoring), environment(nil))
				var got, want string
				for i := 0; i == 0 || i < 5 && got != want; i++ { // Another leader may be elected in between.
					expectLevel(t, m, "7")
					got, want = m.leaders[m.name], c.servers[leader(t, js, "")].monitoring
				}
				if got != want {
					t.Errorf("with the address of %s the monitor reads from %s, want the leader %s", name, got, want)
				}
			}
		})
	}
}

func testNewLeaderIsFound(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "")
	js := c.servers["n1"].client()
	consumer := createWork(t, js, 3)
	publish(t, js, 9)
	drain(t, consumer, 2, true)
	monitors := map[string]*consumerReader{}
	for name, s := range c.servers {
		monitors[name] = newReader(monitored(s.monitoring), environment(nil))
		expectLevel(t, monitors[name], "7")
	}
	first := leader(t, js, "")
	if _, err := js.Conn().RequestWithContext(t.Context(), "$JS.API.CONSUMER.LEADER.STEPDOWN.WORK.workers", nil); err != nil {
		t.Fatal(err)
	}
	second := leader(t, js, first)
	drain(t, consumer, 1, true)
	for _, m := range monitors {
		expectLevel(t, m, "6")
	}
	c.servers[second].Signal(syscall.SIGSTOP) // Worse than a crash: it accepts connections and sends nothing.
	delete(monitors, second)
	for _, m := range monitors {
		expectLevel(t, m, "6")
	}
}

func testServersWithoutAdvertisedAddressAreFoundByTheirRoutes(t *testing.T) {
	t.Parallel()
	c := startCluster(t, "no_advertise: true")
	js := c.servers["n1"].client()
	createWork(t, js, 1)
	publish(t, js, 4)
	for _, s := range c.servers {
		expectLevel(t, newReader(monitored(s.monitoring), environment(nil)), "4")
	}
}

func testServersAreFoundByNameBehindHeadlessService(t *testing.T) {
	known := []string{"nats-2"}
	v := varz{ServerName: "nats-0"}
	v.Cluster.URLs = []string{"evil\nhost:1", "user:pw@evil:1", strings.Repeat("x", 300), "nats-0.nats.shop.svc:6222", "nats-1.nats.shop.svc:6222", "10.0.0.9:6222", "[fd00::1]:6222"}
	got := v.hosts(known, "nats.shop.svc")
	want := []string{"nats-2.nats.shop.svc", "nats-0.nats.shop.svc", "nats-1.nats.shop.svc", "10.0.0.9", "fd00::1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	v.ConnectURLs = []string{"10.0.0.1:4222", "[fd00::2]:4222"}
	if got := v.hosts(known, "nats.shop.svc"); !slices.Equal(got, []string{"10.0.0.1", "fd00::2"}) {
		t.Errorf("got %v", got)
	}
}

func testFaultsOfMonitoringEndpointAreUnknownWithReasonOfOneLine(t *testing.T) {
	const good = `{"account_details":[{"name":"$G","stream_detail":[{"name":"WORK","consumer_detail":[{"name":"workers","num_pending":3,"num_ack_pending":1}]}]}]}`
	page := "<html>" + strings.Repeat("hunter2 ", 10_000)
	for name, c := range map[string]struct {
		status int
		body   string
		reason string
	}{
		"503":                  {503, page, "/jsz answers 503"},
		"a redirect":           {302, "", "/jsz answers 302"},
		"a web page":           {200, page, "is this its monitoring port?"},
		"nothing":              {200, "", "is this its monitoring port?"},
		"half an answer":       {200, good[:100], "is this its monitoring port?"},
		"JSON of another":      {200, `{"hello":"world"}`, "account $G does not exist, or has no stream"},
		"null":                 {200, `null`, "account $G does not exist, or has no stream"},
		"JetStream off":        {200, `{"disabled":true}`, "JetStream is off"},
		"another account":      {200, strings.Replace(good, "$G", "OTHER", 1), "account $G does not exist, or has no stream"},
		"another stream":       {200, strings.Replace(good, "WORK", "PLAY", 1), "stream WORK does not exist"},
		"another consumer":     {200, strings.Replace(good, "workers", "idlers", 1), "it does not exist"},
		"a negative count":     {200, strings.Replace(good, `"num_pending":3`, `"num_pending":-3`, 1), "is this its monitoring port?"},
		"negative unacked":     {200, strings.Replace(good, `"num_ack_pending":1`, `"num_ack_pending":-1`, 1), "a negative number of messages"},
		"no count":             {200, strings.Replace(good, `"num_pending":3,`, ``, 1), "num_pending is missing"},
		"a count that is null": {200, strings.Replace(good, `"num_pending":3`, `"num_pending":null`, 1), "num_pending is missing"},
		"no unacked":           {200, strings.Replace(good, `,"num_ack_pending":1`, ``, 1), "num_ack_pending is missing"},
		"half a range":         {206, good, "/jsz answers 206"},
		"a follower in doubt":  {200, strings.Replace(good, `"num_pending":3`, `"cluster":{"leader":"n1"},"config":{"num_replicas":3},"num_pending":3`, 1), "it has no leader now"},
		"a count that is text": {200, strings.Replace(good, `"num_pending":3`, `"num_pending":"3"`, 1), "is this its monitoring port?"},
		"no leader":            {200, strings.Replace(good, `"num_pending":3`, `"cluster":{},"num_pending":3`, 1), "it has no leader now"},
		"too much":             {200, strings.Repeat(" ", maxAnswerBytes+1) + good, "larger than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.Header().Set("Content-Length", strconv.Itoa(len(c.body))) // As nats-server does: what is too much is not waited for.
				w.WriteHeader(c.status)
				_ = http.NewResponseController(w).Flush()
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			v, err := newReader(monitored(strings.TrimPrefix(server.URL, "http://")), environment(nil)).Read(t.Context())
			if err == nil {
				t.Fatalf("read %v, want unknown", v)
			}
			if text := err.Error(); !strings.Contains(text, c.reason) || len(text) > 400 || strings.ContainsAny(text, "\n") || strings.Contains(text, "hunter2") {
				t.Errorf("the reason is %q, want one short line with %q", text, c.reason)
			}
		})
	}
}

func testCertificateOfMonitoringEndpointIsChecked(t *testing.T) {
	t.Parallel()
	ca := testkit.NewAuthority(t)
	cert, key := ca.Issue("127.0.0.1")
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	publish(t, js, 4)
	s.Kill()
	secure := testkit.FreeAddress(t)
	config := fmt.Sprintf(`https: "%s", tls {cert_file: "%s", key_file: "%s"}`, secure, configFile(t, "cert.pem", cert), configFile(t, "key.pem", key))
	s.args = slices.DeleteFunc(append(s.args, "-c", configFile(t, "nats.conf", config)), func(arg string) bool { return arg == "-m" || strings.HasSuffix(s.monitoring, ":"+arg) })
	s.Process = sandbox.Start(t, "nats-server", s.args...)
	s.WaitListening(secure)

	c := monitored(secure)
	c.UseHTTPS = true
	fails := func(m *consumerReader, want string) {
		t.Helper()
		testkit.Eventually(t, "the monitor reports "+want, func(ctx context.Context) bool {
			_, err := m.Read(ctx)
			return err != nil && strings.Contains(err.Error(), want)
		})
	}
	secrets := map[string]string{}
	m := newReader(c, environment(secrets))
	fails(m, "certificate signed by unknown authority")
	secrets["ca"] = "no certificate"
	fails(m, "the credential ca is not a PEM certificate")
	secrets["ca"] = ca.PEM()
	expectLevel(t, m, "4")
	other := testkit.NewAuthority(t)
	secrets["ca"] = other.PEM() // It is read anew each time.
	fails(m, "certificate signed by unknown authority")
	_, port, _ := net.SplitHostPort(secure)
	misnamed := monitored("localhost:" + port)
	misnamed.UseHTTPS = true
	fails(newReader(misnamed, environment(map[string]string{"ca": ca.PEM()})), "match localhost")
	c.UnsafeSSL = true
	expectLevel(t, newReader(c, environment(nil)), "4")
}

func testClusterWithUnavailableServersIsUnknown(t *testing.T) {
	for name, c := range map[string]struct{ jsz, varz, reason string }{
		"no server has it":        {`{"meta_cluster":{"cluster_size":3}}`, `{"connect_urls":["HOST:1"]}`, "account $G does not exist on any server of the cluster"},
		"the others are away":     {`{"meta_cluster":{"cluster_size":3}}`, `{"connect_urls":["127.9.9.9:1"]}`, "connection refused"},
		"no server is advertised": {`{"meta_cluster":{"cluster_size":3}}`, `{}`, "account $G does not exist on any server of the cluster"},
		"nonsense":                {`{"meta_cluster":{"cluster_size":3}}`, `[]`, "is this its monitoring port?"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				host, _, _ := net.SplitHostPort(r.Host)
				body := map[string]string{"/jsz": c.jsz, "/varz": c.varz}[r.URL.Path]
				_, _ = w.Write([]byte(strings.ReplaceAll(body, "HOST", host)))
			}))
			defer server.Close()
			v, err := newReader(monitored(strings.TrimPrefix(server.URL, "http://")), environment(nil)).Read(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, %v; want unknown with %q", v, err, c.reason)
			}
		})
	}
}

func testSlowMonitoringEndpointIsUnknownAfterItsTimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	m := newReader(monitored(strings.TrimPrefix(server.URL, "http://")), environment(nil))
	if v, err := m.Read(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "no answer within 2s") {
		t.Errorf("got %v, %v", v, err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("its turn is over"))
	defer cancel()
	if v, err := m.Read(ctx); err == nil || !strings.HasSuffix(err.Error(), "its turn is over") {
		t.Errorf("got %v, %v", v, err)
	}
}
