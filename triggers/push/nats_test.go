package push

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestNATS(t *testing.T) {
	t.Run("messages that were published without a subscriber are read later", testMessagesThatWerePublishedWithoutSubscriberAreReadLater)
	t.Run("while the server is unavailable the level may raise the count, not lower it", testWhileServerIsUnavailableLevelMayRaiseCountNotLowerIt)
	t.Run("a message is acknowledged when it is durable", testMessageIsAcknowledgedWhenItIsDurable)
	t.Run("an invalid message is terminated", testInvalidMessageIsTerminated)
	t.Run("with core NATS the newest message counts", testWithCoreNATSNewestMessageCounts)
	t.Run("a consumer that is missing or could lose levels is unknown", testConsumerThatIsMissingOrCouldLoseLevelsIsUnknown)
}

// server is a real nats-server with JetStream.
type server struct {
	*testkit.Process

	t       *testing.T
	address string
	args    []string
	js      jetstream.JetStream
}

func serve(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, address: testkit.FreeAddress(t)}
	_, port, _ := net.SplitHostPort(s.address)
	s.args = []string{"-a", "127.0.0.1", "-p", port, "-js", "-sd", t.TempDir()}
	s.restart()
	return s
}

// restart starts the server at the same address with the same data.
func (s *server) restart() {
	s.t.Helper()
	s.Process = sandbox.Start(s.t, "nats-server", s.args...)
	s.WaitListening(s.address)
	conn, err := natsgo.Connect("nats://"+s.address, natsgo.Timeout(time.Minute))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(conn.Close)
	if s.js, err = jetstream.New(conn, jetstream.WithDefaultTimeout(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	testkit.Eventually(s.t, "the stream and its consumer are there", func(ctx context.Context) bool {
		_, err := s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "LEVELS", Subjects: []string{"levels"}})
		if err != nil {
			return false
		}
		_, err = s.js.CreateOrUpdateConsumer(ctx, "LEVELS", jetstream.ConsumerConfig{
			Durable: "checkout", AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Minute,
		})
		return err == nil
	})
}

func (s *server) publish(bodies ...string) {
	s.t.Helper()
	for _, body := range bodies {
		if _, err := s.js.Publish(s.t.Context(), "levels", []byte(body)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *server) stream() map[string]string {
	return map[string]string{"threshold": "5", "natsURL": "nats://" + s.address, "stream": "LEVELS", "consumer": "checkout"}
}

// awaitAcks waits until the consumer has no pending messages.
func (s *server) awaitAcks() {
	s.t.Helper()
	testkit.Eventually(s.t, "everything is acknowledged", func(ctx context.Context) bool {
		c, err := s.js.Consumer(ctx, "LEVELS", "checkout")
		return err == nil && c.CachedInfo().NumPending == 0 && c.CachedInfo().NumAckPending == 0
	})
}

func testMessagesThatWerePublishedWithoutSubscriberAreReadLater(t *testing.T) {
	s := serve(t)
	d := &triggertest.Endpoints{}
	s.publish(`{"value": 3}`, `{"value": 7}`)
	w := run(t, d, s.stream())
	w.until("7")
	s.publish(`{"value": 8}`)
	w.until("8")
	s.awaitAcks()
	w.stop()
	s.publish(`{"value": 9}`, `{"value": 0}`, `{"value": 12}`)
	w = run(t, d, s.stream())
	w.until("12")
	s.awaitAcks()
}

func testWhileServerIsUnavailableLevelMayRaiseCountNotLowerIt(t *testing.T) {
	s := serve(t)
	w := run(t, &triggertest.Endpoints{}, s.stream())
	w.until("unknown: nothing has been pushed yet")
	s.publish(`{"value": 8}`)
	w.until("8")
	s.Kill()
	w.until("at least 8: subscribe at nats://" + s.address)
	s.restart()
	w.until("8")
	s.publish(`{"value": 2}`)
	w.until("2")
}

func testMessageIsAcknowledgedWhenItIsDurable(t *testing.T) {
	s := serve(t)
	d := &triggertest.Endpoints{}
	w := run(t, d, s.stream())
	d.SetFull(true)
	s.publish(`{"value": 8}`)
	testkit.Eventually(t, "the message is delivered and not acknowledged", func(ctx context.Context) bool {
		c, err := s.js.Consumer(ctx, "LEVELS", "checkout")
		return err == nil && c.CachedInfo().NumAckPending == 1
	})
	w.stop() // As a kill does: nothing of it was recorded.
	d.SetFull(false)
	c, err := s.js.Consumer(t.Context(), "LEVELS", "checkout")
	if err != nil || c.CachedInfo().NumAckPending != 1 {
		t.Fatalf("the message was acknowledged: %v, %v", c.CachedInfo(), err)
	}
}

func testInvalidMessageIsTerminated(t *testing.T) {
	s := serve(t)
	d := &triggertest.Endpoints{}
	s.publish(`{"value": "many"}`, `no JSON`, `{"value": 4}`)
	w := run(t, d, s.stream())
	w.until("4")
	s.publish(`{"valeu": 5}`)
	testkit.Eventually(t, "three are refused", func(context.Context) bool { _, refused := d.Results(); return len(refused) == 3 })
	s.awaitAcks()
	if _, refused := d.Results(); !strings.Contains(refused[2].Error(), `did you mean "value"?`) {
		t.Error(refused)
	}
	w.until("4")
}

func testWithCoreNATSNewestMessageCounts(t *testing.T) {
	s := serve(t)
	d := &triggertest.Endpoints{}
	w := run(t, d, map[string]string{"threshold": "5", "natsURL": "nats://" + s.address, "subject": "plain.*"})
	w.until("unknown: nothing has been pushed yet")
	conn := s.js.Conn()
	for _, body := range []string{`{"value": 1}`, `no JSON`, `{"value": 5, "ttl": "60s"}`} {
		if err := conn.Publish("plain.checkout", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	w.until("5")
	event := &natsgo.Msg{Subject: "plain.checkout", Data: []byte(`{"value": 6}`), Header: natsgo.Header{}}
	for name, value := range map[string]string{"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/a", "ce-type": "level"} {
		event.Header.Set(name, value)
	}
	if err := conn.PublishMsg(event); err != nil {
		t.Fatal(err)
	}
	w.until("6")
	if got := d.Header().Get("ce-id"); got != "1" {
		t.Errorf("the header of the message with the newest level is %v, want that of the last message", d.Header())
	}
	s.Kill()
	w.until("at least 6: subscribe at")
	s.restart()
	w.until("6")
}

func testConsumerThatIsMissingOrCouldLoseLevelsIsUnknown(t *testing.T) {
	s := serve(t)
	metadata := s.stream()
	metadata["consumer"] = "nobody"
	run(t, &triggertest.Endpoints{}, metadata).until("unknown: subscribe at nats://" + s.address + ": consumer nobody of stream LEVELS does not exist")
	if _, err := s.js.CreateConsumer(t.Context(), "LEVELS", jetstream.ConsumerConfig{Durable: "careless", AckPolicy: jetstream.AckNonePolicy}); err != nil {
		t.Fatal(err)
	}
	metadata["consumer"] = "careless"
	run(t, &triggertest.Endpoints{}, metadata).until("unknown: subscribe at nats://" + s.address + ": consumer careless of stream LEVELS must be durable")
	metadata["stream"] = "OTHER"
	run(t, &triggertest.Endpoints{}, metadata).until("unknown: subscribe at nats://" + s.address + ": stream OTHER does not exist")
}
