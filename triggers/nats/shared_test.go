package nats

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers"
)

func TestSharedReading(t *testing.T) {
	t.Run("fifty triggers of an account lead to one request per reading", testFiftyTriggersLeadToOneRequestPerReading)
	t.Run("in a cluster the number of requests does not depend on the number of triggers", testInClusterRequestsDoNotDependOnTriggers)
	t.Run("each trigger has its own reason", testEachTriggerHasItsOwnReason)
	t.Run("a trigger that ends does not end the readings of the others", testTriggerThatEndsDoesNotEndReadingsOfOthers)
	t.Run("triggers with other credentials do not share a reading", testTriggersWithOtherCredentialsDoNotShareReading)
	t.Run("triggers with different intervals are read at theirs", testTriggersWithDifferentIntervalsAreReadAtTheirs)
}

// countedEndpoint is a proxy before a monitoring endpoint.
type countedEndpoint struct {
	host     string
	requests atomic.Int64
}

// listen starts the proxy at an address for the monitoring endpoint at another one.
func (c *countedEndpoint) listen(t *testing.T, address, monitoring string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(c.proxy(monitoring))
	_ = server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
}

func (c *countedEndpoint) proxy(monitoring string) http.Handler {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: monitoring})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.requests.Add(1)
		proxy.ServeHTTP(w, r)
	})
}

// counted returns a proxy before the monitoring endpoint of a server.
func counted(t *testing.T, s *server) *countedEndpoint {
	t.Helper()
	c := &countedEndpoint{host: testkit.FreeAddress(t)}
	c.listen(t, c.host, s.monitoring)
	return c
}

// polling returns an Env whose poller runs.
func polling(t *testing.T) triggers.Env {
	t.Helper()
	env := environment(nil)
	env.PollingInterval, env.Poller = 100*time.Millisecond, triggers.NewPoller(4, 4)
	transport := &http.Transport{}
	env.HTTP = &http.Client{Transport: transport}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = env.Poller.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		transport.CloseIdleConnections()
	})
	return env
}

// createConsumers creates the stream WORK with one message, and the consumers w-0, w-1 and so on.
func createConsumers(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	createWork(t, js, 1)
	publish(t, js, 1)
	for i := range n {
		testkit.Eventually(t, "a consumer is created", func(ctx context.Context) bool {
			_, err := js.CreateOrUpdateConsumer(ctx, "WORK", jetstream.ConsumerConfig{Durable: fmt.Sprintf("w-%d", i), AckPolicy: jetstream.AckExplicitPolicy})
			return err == nil
		})
	}
}

// on returns a config for a consumer.
func on(endpoint, stream, consumer string) Config {
	c := monitored(endpoint)
	c.Stream, c.Consumer = stream, consumer
	return c
}

// events returns the number of events.
func (r *runningSource) events() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

func testFiftyTriggersLeadToOneRequestPerReading(t *testing.T) {
	const n = 50
	s := start(t)
	createConsumers(t, s.client(), n)
	endpoint, env := counted(t, s), polling(t)
	var runs []*runningSource
	for i := range n {
		runs = append(runs, runSource(t, mustOpen(t, on(endpoint.host, "WORK", fmt.Sprintf("w-%d", i)), env)))
		runs[0].until("1") // The consumer of the first trigger stays in the shared reading while others are added.
	}
	for _, r := range runs {
		r.until("1")
		testkit.Eventually(t, "a trigger has five readings", func(context.Context) bool { return r.events() >= 5 })
	}
	readings := runs[0].events() // The last request may be that of a reading whose event has not been emitted yet.
	if got := endpoint.requests.Load(); got > int64(readings)+2 {
		t.Errorf("%d triggers led to %d requests in %d readings, want one per reading", n, got, readings)
	}
}

func testInClusterRequestsDoNotDependOnTriggers(t *testing.T) {
	const n, servers = 20, 3
	c := startCluster(t, "")
	js := c.servers["n1"].client()
	createConsumers(t, js, n)
	_, port, _ := net.SplitHostPort(testkit.FreeAddressOf(t, "0.0.0.0"))
	endpoint := &countedEndpoint{host: "127.0.0.1:" + port}
	for _, s := range c.servers {
		ip, _, _ := net.SplitHostPort(s.monitoring)
		endpoint.listen(t, ip+":"+port, s.monitoring)
	}
	env := polling(t)
	env.PollingInterval = 500 * time.Millisecond
	var runs []*runningSource
	for i := range n {
		runs = append(runs, runSource(t, mustOpen(t, on(endpoint.host, "WORK", fmt.Sprintf("w-%d", i)), env)))
		runs[0].until("1")
	}
	for _, r := range runs {
		r.until("1")
	}
	expect := func(perReading int64) {
		t.Helper()
		var requests, readings int64
		for range 20 { // A reading that is cut off makes the next one search for the leaders again.
			before, first := runs[0].events(), endpoint.requests.Load()
			testkit.Eventually(t, "there are three more readings", func(context.Context) bool { return runs[0].events() >= before+3 })
			readings, requests = int64(runs[0].events()-before), endpoint.requests.Load()-first
			if requests <= perReading*(readings+2) {
				return
			}
		}
		t.Errorf("%d triggers led to %d requests in %d readings, want at most %d per reading", len(runs), requests, readings, perReading)
	}
	expect(1) // All are led by one server, because the stream has one replica.
	runs = append(runs, runSource(t, mustOpen(t, on(endpoint.host, "WORK", "nobody"), env)))
	runs[n].until("it does not exist on any server of the cluster")
	runs[0].until("1")
	expect(2 + 2*servers) // The usual request, /varz, and at most two requests to each server.
}

func testEachTriggerHasItsOwnReason(t *testing.T) {
	s := start(t)
	js := s.client()
	createConsumers(t, js, 1)
	env := polling(t)
	there := runSource(t, mustOpen(t, on(s.monitoring, "WORK", "w-0"), env))
	consumer := runSource(t, mustOpen(t, on(s.monitoring, "WORK", "w-1"), env))
	stream := runSource(t, mustOpen(t, on(s.monitoring, "PLAY", "w-0"), env))
	there.until("1")
	consumer.until("read consumer w-1 of stream WORK at " + s.monitoring + ": it does not exist")
	stream.until("read consumer w-0 of stream PLAY at " + s.monitoring + ": stream PLAY does not exist")
	elsewhere := on(s.monitoring, "WORK", "w-0")
	elsewhere.Account = "ORDERS"
	runSource(t, mustOpen(t, elsewhere, env)).until("account ORDERS does not exist")
	createConsumers(t, js, 2)
	consumer.until("2") // createConsumers stores one more message.
	if err := js.DeleteConsumer(t.Context(), "WORK", "w-0"); err != nil {
		t.Fatal(err)
	}
	there.until("read consumer w-0 of stream WORK at " + s.monitoring + ": it does not exist")
	s.Kill()
	for _, r := range []*runningSource{there, consumer, stream} {
		r.until("connection refused")
	}
}

func testTriggerThatEndsDoesNotEndReadingsOfOthers(t *testing.T) {
	s := start(t)
	js := s.client()
	createConsumers(t, js, 3)
	endpoint, env := counted(t, s), polling(t)
	var runs []*runningSource
	for _, consumer := range []string{"w-0", "w-1", "w-1", "w-2"} {
		runs = append(runs, runSource(t, mustOpen(t, on(endpoint.host, "WORK", consumer), env)))
	}
	for _, r := range runs {
		r.until("1")
	}
	runs[0].stop() // The poller calls the read function of the first trigger for all of them.
	runs[1].stop() // Another trigger reads the same consumer.
	publish(t, js, 1)
	runs[2].until("2")
	runs[3].until("2")
	runs[2].stop()
	runs[3].stop()
	m := newMonitor(on(endpoint.host, "WORK", "w-0"), env.HTTP)
	first, second := m.want(name{stream: "WORK"}), m.want(name{stream: "WORK"})
	if first(); len(m.wanted) != 1 {
		t.Errorf("after one of two triggers ended: %v is wanted, want the consumer", m.wanted)
	}
	if second(); len(m.wanted) != 0 {
		t.Errorf("after both triggers ended: %v is wanted, want none", m.wanted)
	}
	last := runSource(t, mustOpen(t, on(s.monitoring, "WORK", "w-0"), env))
	another := func(readings int) {
		testkit.Eventually(t, "another endpoint is read", func(context.Context) bool { return last.events() >= readings })
	}
	another(3) // A request of the last reading may still be on its way to the endpoint.
	after := endpoint.requests.Load()
	another(last.events() + 3)
	if got := endpoint.requests.Load(); got != after {
		t.Errorf("got %d requests after all triggers ended, want none", got-after)
	}
}

func testTriggersWithOtherCredentialsDoNotShareReading(t *testing.T) {
	s := start(t)
	createConsumers(t, s.client(), 1)
	endpoint := &countedEndpoint{}
	secure := httptest.NewUnstartedServer(endpoint.proxy(s.monitoring))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	c := on(strings.TrimPrefix(secure.URL, "https://"), "WORK", "w-0")
	c.UseHTTPS = true
	trusting, other := polling(t), environment(nil)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	trusting.Secrets, trusting.Credentials = environment(map[string]string{"ca": string(ca)}).Secrets, "shop/trusting"
	other.Poller, other.Pool, other.PollingInterval, other.Credentials = trusting.Poller, trusting.Pool, trusting.PollingInterval, "shop/other"
	first := runSource(t, mustOpen(t, c, trusting))
	first.until("1")
	second := runSource(t, mustOpen(t, c, other))
	second.until("certificate signed by unknown authority")
	before := first.events()
	testkit.Eventually(t, "both are read again", func(context.Context) bool { return first.events() > before+2 && second.events() > 2 })
	first.until("1")
	second.until("certificate signed by unknown authority")
}

func testTriggersWithDifferentIntervalsAreReadAtTheirs(t *testing.T) {
	s := start(t)
	js := s.client()
	createConsumers(t, js, 3)
	often := polling(t)
	seldom := often
	seldom.PollingInterval = 24 * time.Hour
	fast := runSource(t, mustOpen(t, on(s.monitoring, "WORK", "w-0"), often))
	read := func(consumer, want string) *runningSource {
		for i := 1; ; i++ {
			r := runSource(t, mustOpen(t, on(s.monitoring, "WORK", consumer), seldom))
			testkit.Eventually(t, consumer+" is read", func(context.Context) bool { return r.events() > 0 })
			switch got := r.lastEvent(); {
			case got == want:
				return r
			case i == 10:
				t.Fatalf("%s: got %s, want %s", consumer, got, want)
			}
			r.stop() // Its only reading of this day failed.
		}
	}
	slow := read("w-1", "1")
	publish(t, js, 1)
	fast.until("2")
	slow.until("1")
	read("w-2", "2") // It is not part of the last reading, so it is read at once.
	slow.until("2")
}
