package notify

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestNATS(t *testing.T) {
	t.Run("a name with a dot is one token of the subject", testNameWithDotIsOneTokenOfSubject)
	t.Run("a server that is down is an error that says so", testNATSServerThatIsDownIsErrorThatSaysSo)
	t.Run("a stream acknowledges each notification, and stores a repeated one once", testStreamAcknowledgesEachNotification)
	t.Run("without a stream a subscriber gets the notification", testWithoutStreamSubscriberGetsNotification)
	t.Run("a missing permission is an error, with and without a stream", testMissingPermissionIsError)
	t.Run("after a restart of the server the next try succeeds", testAfterRestartOfServerNextTrySucceeds)
}

func testNameWithDotIsOneTokenOfSubject(t *testing.T) {
	e := &Event{Type: FallbackBegun, Namespace: "shop", Name: "v1.2"}
	if got := subjectOf("a.{cluster}.{namespace}.{name}.{type}", "eu.prod", e); got != "a.eu_prod.shop.v1_2.fallback-begun" {
		t.Errorf("the subject is %s, want one token for each field", got)
	}
}

// dialer opens connections without rules.
func dialer(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// publish sends the example of a scaled event with a definition, and returns the error.
func publish(t *testing.T, transport *natsTransport) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errors.New("no answer"))
	defer cancel()
	return transport.send(ctx, examples([]Type{Scaled})[0])
}

func testNATSServerThatIsDownIsErrorThatSaysSo(t *testing.T) {
	transport := newNATS(&NATS{Server: "nats://" + testkit.FreeAddress(t), Subject: "a"}, "", time.Second, dialer)
	defer transport.close()
	if err := publish(t, transport); err == nil || !strings.Contains(err.Error(), "connection refused") || !retryable(err) {
		t.Errorf("got the error %v, want that the connection was refused, and a retry", err)
	}
}

// natsServer is a real nats-server with JetStream and two users: impulse may publish to impulse.>, and guest to nothing.
type natsServer struct {
	address string
	config  string
	process *testkit.Process
	stream  jetstream.JetStream
	conn    *natsgo.Conn
}

func serveNATS(t *testing.T) *natsServer {
	t.Helper()
	s := &natsServer{address: testkit.FreeAddress(t)}
	s.config = files(t, map[string]string{"sinks.yaml": `
listen: "` + s.address + `"
jetstream {store_dir: "` + t.TempDir() + `"}
authorization {users: [
  {user: impulse, password: secret}
  {user: guest, password: secret, permissions: {publish: {deny: "impulse.>"}}}
]}`})
	s.start(t)
	return s
}

// start starts the server, and connects to it as impulse.
func (s *natsServer) start(t *testing.T) {
	t.Helper()
	s.process = sandbox.Start(t, "nats-server", "-c", s.config)
	s.process.WaitListening(s.address)
	var err error
	if s.conn, err = natsgo.Connect("nats://"+s.address, natsgo.UserInfo("impulse", "secret"), natsgo.Timeout(time.Minute)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.conn.Close)
	if s.stream, err = jetstream.New(s.conn); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "there is a stream", func(ctx context.Context) bool {
		_, err := s.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"impulse.>"}})
		return err == nil
	})
}

// transport returns a transport of a user.
func (s *natsServer) transport(t *testing.T, user, stream string) *natsTransport {
	t.Helper()
	transport := newNATS(&NATS{
		Server: "nats://" + s.address, Subject: "impulse.{namespace}.{name}.{type}", Stream: stream, Username: user, Password: "secret",
	}, "prod-1", 10*time.Second, dialer)
	t.Cleanup(transport.close)
	return transport
}

func testStreamAcknowledgesEachNotification(t *testing.T) {
	s := serveNATS(t)
	transport := s.transport(t, "impulse", "EVENTS")
	for range 2 {
		if err := publish(t, transport); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := s.stream.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.State.Msgs != 1 {
		t.Errorf("the stream has %d messages, error %v: want 1", info.State.Msgs, err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "impulse.shop.checkout.scaled")
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, schema(t), m.Data); err != nil || m.Header.Get("content-type") != structuredType {
		t.Errorf("the message has the Content-Type %s and %v\n%s", m.Header.Get("content-type"), err, m.Data)
	}
	err = publish(t, s.transport(t, "impulse", "OTHER"))
	if err == nil || !retryable(err) {
		t.Errorf("another stream stores the subject: got the error %v, want one that leads to a retry", err)
	}
}

func testWithoutStreamSubscriberGetsNotification(t *testing.T) {
	s := serveNATS(t)
	got, err := s.conn.SubscribeSync("impulse.shop.>")
	if err == nil {
		err = s.conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := publish(t, s.transport(t, "impulse", "")); err != nil {
		t.Fatal(err)
	}
	m, err := got.NextMsg(testkit.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	var sent cloudEvent
	if err := json.Unmarshal(m.Data, &sent); err != nil || sent.Cluster != "prod-1" || sent.ID != m.Header.Get(natsgo.MsgIdHdr) {
		t.Errorf("got %s with the header %v, error %v", m.Data, m.Header, err)
	}
}

func testMissingPermissionIsError(t *testing.T) {
	s := serveNATS(t)
	for _, stream := range []string{"", "EVENTS"} {
		if err := publish(t, s.transport(t, "guest", stream)); err == nil || !retryable(err) {
			t.Errorf("with the stream %q: got the error %v, want one", stream, err)
		}
	}
	if err := publish(t, s.transport(t, "nobody", "")); err == nil || !strings.Contains(strings.ToLower(err.Error()), "authorization") {
		t.Errorf("an unknown user: got the error %v, want that of the authorization", err)
	}
}

func testAfterRestartOfServerNextTrySucceeds(t *testing.T) {
	s := serveNATS(t)
	transport := s.transport(t, "impulse", "EVENTS")
	if err := publish(t, transport); err != nil {
		t.Fatal(err)
	}
	s.process.Stop()
	if err := publish(t, transport); err == nil {
		t.Fatal("the server is down: got no error, want one")
	}
	s.start(t)
	if err := publish(t, transport); err != nil {
		t.Errorf("the server is there again: got the error %v, want none", err)
	}
}
