package nats

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/scalers"
)

func TestSource(t *testing.T) {
	t.Run("the level follows the queue to zero", testLevelFollowsQueueToZero)
	t.Run("a push consumer is read as well", testPushConsumerIsReadAsWell)
	t.Run("a missing consumer is unknown, not zero, and is never created", testMissingConsumerIsUnknownNotZeroAndIsNeverCreated)
	t.Run("a stream in a domain is read there", testStreamInDomainIsReadThere)
	t.Run("a server that is killed is unknown until it is back", testServerThatIsKilledIsUnknownUntilItIsBack)
	t.Run("a server that is down at the start is unknown until it is up", testServerThatIsDownAtStartIsUnknownUntilItIsUp)
	t.Run("a server that hangs is unknown until it recovers", testServerThatHangsIsUnknownUntilItRecovers)
	t.Run("without JetStream the level is unknown", testWithoutJetStreamLevelIsUnknown)
	t.Run("triggers share a connection and leave none behind", testTriggersShareConnectionAndLeaveNoneBehind)
	t.Run("a level that does not change is reported once per heartbeat", testLevelThatDoesNotChangeIsReportedOncePerHeartbeat)
	t.Run("Run ends at once while a server does not answer", testRunEndsAtOnceWhileServerDoesNotAnswer)
	t.Run("reasons have one line and no credentials", testReasonsHaveOneLineAndNoCredentials)
}

func testLevelFollowsQueueToZero(t *testing.T) {
	s := start(t)
	js := s.client()
	consumer := createWork(t, js, 1)
	r := runSource(t, mustOpen(t, configured(s.url()), environment(nil)))
	r.until("0")
	publish(t, js, 12)
	r.until("12")
	drain(t, consumer, 5, false)
	r.until("12") // Five of them are delivered and not acknowledged.
	drain(t, consumer, 7, true)
	r.until("5")
}

func testPushConsumerIsReadAsWell(t *testing.T) {
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	if _, err := js.CreatePushConsumer(t.Context(), "WORK", jetstream.ConsumerConfig{
		Durable: "pushed", DeliverSubject: "elsewhere", AckPolicy: jetstream.AckExplicitPolicy,
	}); err != nil {
		t.Fatal(err)
	}
	publish(t, js, 3)
	c := configured(s.url())
	c.Consumer = "pushed"
	runSource(t, mustOpen(t, c, environment(nil))).until("3")
}

func testMissingConsumerIsUnknownNotZeroAndIsNeverCreated(t *testing.T) {
	s := start(t)
	js := s.client()
	var mu sync.Mutex
	requested := map[string]bool{}
	sub, err := js.Conn().Subscribe("$JS.API.>", func(m *natsgo.Msg) {
		mu.Lock()
		defer mu.Unlock()
		requested[m.Subject] = true
	})
	if err != nil {
		t.Fatal(err)
	}
	r := runSource(t, mustOpen(t, configured(s.url()), environment(nil)))
	r.until("stream WORK does not exist")
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "WORK", Subjects: []string{"work"}}); err != nil {
		t.Fatal(err)
	}
	r.until("consumer workers does not exist")
	r.stop()
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	delete(requested, "$JS.API.STREAM.CREATE.WORK") // This was the test.
	if len(requested) != 1 || !requested["$JS.API.CONSUMER.INFO.WORK.workers"] {
		t.Errorf("the source requested more than the consumer's info: %v", requested)
	}
	createWork(t, js, 1)
	runSource(t, mustOpen(t, configured(s.url()), environment(nil))).until("0")
}

func testStreamInDomainIsReadThere(t *testing.T) {
	s := start(t, "-c", configFile(t, "nats.conf", "jetstream {domain: hub}"))
	js := s.client()
	createWork(t, js, 1)
	publish(t, js, 3)
	c := configured(s.url())
	c.Domain = "hub"
	runSource(t, mustOpen(t, c, environment(nil))).until("3")
	c.Domain = "elsewhere"
	runSource(t, mustOpen(t, c, environment(nil))).until("no server answers")
}

func testServerThatIsKilledIsUnknownUntilItIsBack(t *testing.T) {
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	publish(t, js, 4)
	r := runSource(t, mustOpen(t, configured(s.url()), environment(nil)))
	r.until("4")
	for range 2 {
		s.Kill()
		r.until("connection refused")
		s.restart()
		r.until("4")
	}
}

func testServerThatIsDownAtStartIsUnknownUntilItIsUp(t *testing.T) {
	s := start(t)
	createWork(t, s.client(), 1)
	s.Kill()
	r := runSource(t, mustOpen(t, configured(s.url()), environment(nil)))
	r.until("connection refused")
	s.restart()
	r.until("0")
}

func testServerThatHangsIsUnknownUntilItRecovers(t *testing.T) {
	s := start(t)
	createWork(t, s.client(), 1)
	r := runSource(t, mustOpen(t, configured(s.url()), environment(nil)))
	r.until("0")
	s.Signal(syscall.SIGSTOP)
	r.until("no answer within 2s")
	s.Signal(syscall.SIGCONT)
	r.until("0")
}

func testWithoutJetStreamLevelIsUnknown(t *testing.T) {
	address := testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	sandbox.Start(t, "nats-server", "-a", "127.0.0.1", "-p", port).WaitListening(address)
	runSource(t, mustOpen(t, configured("nats://"+address), environment(nil))).until("JetStream is off")
}

func testTriggersShareConnectionAndLeaveNoneBehind(t *testing.T) {
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	if _, err := js.CreateConsumer(t.Context(), "WORK", jetstream.ConsumerConfig{Durable: "others"}); err != nil {
		t.Fatal(err)
	}
	env, others := environment(nil), configured(s.url())
	others.Consumer = "others"
	runs := []*runningSource{
		runSource(t, mustOpen(t, configured(s.url()), env)), runSource(t, mustOpen(t, configured(s.url()), env)),
		runSource(t, mustOpen(t, others, env)),
	}
	publish(t, js, 2)
	for _, r := range runs {
		r.until("2")
	}
	if users := s.users(t.Context()); len(users) != 1 {
		t.Errorf("there are %d connections", len(users))
	}
	runs[0].stop()
	runs[2].stop() // No source reads the other consumer now, but the connection is still in use.
	publish(t, js, 1)
	runs[2] = runSource(t, mustOpen(t, others, env))
	for _, r := range runs[1:] {
		r.until("3")
		r.stop()
	}
	s.Eventually("no connection is left", func(ctx context.Context) bool { return len(s.users(ctx)) == 0 })
}

func testLevelThatDoesNotChangeIsReportedOncePerHeartbeat(t *testing.T) {
	s := newSource(configured("nats://nats"), environment(nil))
	var emitted []scalers.Event
	emit := func(e scalers.Event) { emitted = append(emitted, e) }
	at := scalers.Instant(0)
	for range 50 { // Ten seconds of readings.
		s.report(reading{at: at, backlog: backlog{level: 3000}}, emit)
		at = at.Add(readInterval)
	}
	if len(emitted) != 10 {
		t.Errorf("the level was reported %d times, want 10", len(emitted))
	}
	s.report(reading{at: at, backlog: backlog{level: 4000}}, emit)
	s.report(reading{at: at, err: context.Canceled}, emit)
	s.report(reading{at: at, err: context.Canceled}, emit)
	s.report(reading{at: at, backlog: backlog{level: 4000}}, emit)
	if len(emitted) != 13 {
		t.Errorf("three changes were reported %d times", len(emitted)-10)
	}
}

func testRunEndsAtOnceWhileServerDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		greeted, ended := make(chan struct{}), make(chan struct{})
		env := environment(nil)
		env.Dial = func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				_, _ = server.Write([]byte("INFO {\"server_id\":\"silent\",\"max_payload\":1024}\r\n"))
				_, _ = server.Read(make([]byte, 1024))
				close(greeted)
				_, _ = io.Copy(io.Discard, server) // It never answers the client's PING.
				close(ended)
			}()
			return client, nil
		}
		source := mustOpen(t, configured("nats://silent:4222"), env)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- source.Run(ctx, func(e scalers.Event) { t.Errorf("Run emitted %v, want that it ends before", e) })
		}()
		<-greeted
		began := time.Now()
		cancel()
		if err, took := <-done, time.Since(began); !errors.Is(err, context.Canceled) || took != 0 {
			t.Errorf("Run returned %v after %s, want %v at once", err, took, context.Canceled)
		}
		<-ended
	})
}

func testReasonsHaveOneLineAndNoCredentials(t *testing.T) {
	s := start(t, "--user", "me", "--pass", "hunter2")
	env := environment(map[string]string{"username": "me", "password": "hunter3"})
	r := runSource(t, mustOpen(t, configured(s.url()), env))
	r.until("read consumer workers of stream WORK at " + s.url() + ": connect: nats: Authorization Violation")
	if text := r.lastEvent(); strings.Contains(text, "hunter") || strings.Contains(text, "\n") {
		t.Errorf("got %q", text)
	}
	if slices.Contains(s.users(t.Context()), "me") {
		t.Error("the source is connected, want an error")
	}
}
