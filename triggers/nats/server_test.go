package nats

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

// server is a real nats-server with JetStream.
type server struct {
	*testkit.Process
	t                   *testing.T
	address, monitoring string
	args                []string
}

// start starts a server on free ports; args are added to the command line.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, address: testkit.FreeAddress(t), monitoring: testkit.FreeAddress(t)}
	_, port, _ := net.SplitHostPort(s.address)
	_, monitoring, _ := net.SplitHostPort(s.monitoring)
	s.args = append([]string{"-a", "127.0.0.1", "-p", port, "-m", monitoring, "-js", "-sd", t.TempDir()}, args...)
	s.restart()
	return s
}

// restart starts the server at the same address with the same data.
func (s *server) restart() {
	s.t.Helper()
	s.Process = sandbox.Start(s.t, "nats-server", s.args...)
	s.Eventually("JetStream is ready", func(ctx context.Context) bool {
		return getJSON(ctx, "http://"+s.monitoring+"/healthz", &struct{}{}) == nil
	})
}

func (s *server) url() string { return "nats://" + s.address }

// client connects to the server as a producer or consumer would.
func (s *server) client(options ...natsgo.Option) jetstream.JetStream {
	s.t.Helper()
	conn, err := natsgo.Connect(s.url(), append(options, natsgo.Timeout(time.Minute), natsgo.MaxReconnects(-1), natsgo.ReconnectWait(20*time.Millisecond))...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(time.Minute))
	if err != nil {
		s.t.Fatal(err)
	}
	return js
}

// createWork creates the stream WORK with the consumer workers.
func createWork(t *testing.T, js jetstream.JetStream, replicas int) jetstream.Consumer {
	t.Helper()
	var c jetstream.Consumer
	testkit.Eventually(t, "the stream and its consumer are made", func(ctx context.Context) bool {
		_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}, Replicas: replicas})
		if err != nil {
			return false
		}
		c, err = js.CreateOrUpdateConsumer(ctx, "WORK", jetstream.ConsumerConfig{Durable: "workers", AckPolicy: jetstream.AckExplicitPolicy})
		return err == nil
	})
	return c
}

func publish(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	for range n {
		once := jetstream.WithMsgID(rand.Text()) // The answer may come too late: the server stores a repeated message once.
		testkit.Eventually(t, "a message is stored", func(ctx context.Context) bool {
			_, err := js.Publish(ctx, "work", []byte("x"), once)
			return err == nil
		})
	}
}

// drain takes n messages and acknowledges them when ack is set.
func drain(t *testing.T, c jetstream.Consumer, n int, ack bool) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprint(n, " messages are delivered"), func(ctx context.Context) bool {
		batch, err := c.Fetch(n, jetstream.FetchMaxWait(10*time.Second))
		if err != nil {
			return false // A new leader may not be known yet.
		}
		for m := range batch.Messages() {
			if n--; !ack {
				continue
			}
			if err := m.DoubleAck(context.WithoutCancel(ctx)); err != nil {
				t.Fatal(err)
			}
		}
		return n == 0
	})
}

// environment returns a trigger's Env with these secrets.
func environment(secrets map[string]string) triggers.Env {
	var mu sync.Mutex
	return triggers.Env{
		Namespace: "shop", Object: "cart", Trigger: "orders", PollingInterval: time.Second, HTTP: &http.Client{}, Now: time.Now,
		Pool: triggers.NewPool(),
		Secrets: triggertest.SecretsFunc(func(_ context.Context, parameter string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			return secrets[parameter], nil
		}),
	}
}

// runningSource is a source that runs.
type runningSource struct {
	t    *testing.T
	stop func()

	mu   sync.Mutex
	last scalers.Event
	all  int
}

// runSource runs a source until the test ends or stop is called.
func runSource(t *testing.T, s triggers.Source) *runningSource {
	t.Helper()
	r := &runningSource{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, r.emit) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err == nil || err != ctx.Err() { //nolint:errorlint // The contract requires this very error.
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *runningSource) emit(e scalers.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = e
	r.all++
}

// lastEvent returns the last event as text.
func (r *runningSource) lastEvent() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == 0 {
		return "nothing"
	}
	if r.last.Err != nil {
		return r.last.Err.Error()
	}
	return r.last.Value.String()
}

// until waits for an event: a number is the level, other text is part of the reason.
func (r *runningSource) until(want string) {
	r.t.Helper()
	var got string
	defer func() {
		if r.t.Failed() {
			r.t.Logf("the last event: %s", got)
		}
	}()
	testkit.Eventually(r.t, "the source reports "+want, func(context.Context) bool {
		got = r.lastEvent()
		if strings.IndexFunc(want, func(c rune) bool { return c < '0' || c > '9' }) < 0 {
			return got == want
		}
		return strings.Contains(got, want)
	})
}

func mustOpen(t *testing.T, c Config, env triggers.Env) triggers.Source {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := open(c, env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// users returns the users of the connections with the name impulse.
func (s *server) users(ctx context.Context) []string {
	var connz struct {
		Connections []struct {
			Name string `json:"name"`
			User string `json:"authorized_user"`
		} `json:"connections"`
	}
	if err := getJSON(ctx, "http://"+s.monitoring+"/connz?auth=true", &connz); err != nil {
		return []string{err.Error()}
	}
	users := []string{}
	for _, c := range connz.Connections {
		if c.Name == "impulse" {
			users = append(users, c.User)
		}
	}
	return users
}

func userInfo(secrets map[string]string) natsgo.Option {
	return natsgo.UserInfo(secrets["username"], secrets["password"])
}
