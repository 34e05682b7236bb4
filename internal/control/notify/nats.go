package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

// Dial opens one connection.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// natsTransport publishes events to a subject. It connects when there is something to send, and again after an error.
type natsTransport struct {
	definition *NATS
	cluster    string
	dial       Dial
	timeout    time.Duration

	conn   *natsgo.Conn
	stream jetstream.JetStream
	// refused is the error of the last socket that could not be opened: the client itself reports only that there is no server.
	refused atomic.Pointer[net.OpError]
}

// newNATS returns the transport of a sink.
func newNATS(definition *NATS, cluster string, timeout time.Duration, dial Dial) *natsTransport {
	return &natsTransport{definition: definition, cluster: cluster, dial: dial, timeout: timeout}
}

// close implements transport.
func (t *natsTransport) close() {
	if t.conn != nil {
		t.conn.Close()
		t.conn, t.stream = nil, nil
	}
}

// send implements transport.
func (t *natsTransport) send(ctx context.Context, e *Event) error {
	content, err := newCloudEvent(e, t.cluster).structured()
	if err != nil {
		return &rejectedError{err.Error()}
	}
	m := natsgo.NewMsg(subjectOf(t.definition.Subject, t.cluster, e))
	m.Data = content
	m.Header.Set("content-type", structuredType)
	if err = t.connect(); err == nil {
		err = t.publish(ctx, m, e.id())
	}
	if err != nil {
		t.close()
		return fmt.Errorf("publish to NATS: %w", err)
	}
	return nil
}

// publish publishes a message, and returns once the stream has stored it, or without a stream once the server has received it.
func (t *natsTransport) publish(ctx context.Context, m *natsgo.Msg, id string) error {
	if t.definition.Stream != "" {
		_, err := t.stream.PublishMsg(ctx, m, jetstream.WithMsgID(id), jetstream.WithExpectStream(t.definition.Stream))
		return explained(ctx, err)
	}
	m.Header.Set(natsgo.MsgIdHdr, id)
	if err := t.conn.PublishMsg(m); err != nil {
		return err
	}
	if err := t.conn.FlushWithContext(ctx); err != nil {
		return explained(ctx, err)
	}
	// The server reports a missing permission before it answers the flush.
	return t.conn.LastError()
}

// explained returns the cause of the end of a context instead of the error that it led to.
func explained(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// connect connects unless there is a connection.
func (t *natsTransport) connect() error {
	if t.conn != nil && t.conn.IsConnected() {
		return nil
	}
	t.close()
	options, err := t.options()
	if err != nil {
		return err
	}
	t.refused.Store(nil)
	conn, err := natsgo.Connect(t.definition.Server, options...)
	if err != nil {
		if refused := t.refused.Load(); refused != nil {
			return refused
		}
		return err
	}
	t.conn = conn
	t.stream, err = jetstream.New(conn)
	return err
}

// options returns the options of the client. A connection that ends is opened by the next try, so that all waits are those of the sink.
func (t *natsTransport) options() ([]natsgo.Option, error) {
	all := []natsgo.Option{
		natsgo.Name("impulse notifications"), natsgo.Timeout(t.timeout), natsgo.NoReconnect(), natsgo.SetCustomDialer(t),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}), // send returns the error.
	}
	d := t.definition
	config, err := d.TLS.config()
	if err != nil {
		return nil, err
	}
	if d.TLS != (TLS{}) {
		all = append(all, natsgo.Secure(config))
	}
	switch {
	case d.Username != "":
		all = append(all, natsgo.UserInfo(d.Username, d.Password))
	case d.Token != "":
		all = append(all, natsgo.Token(d.Token))
	case d.Creds != "":
		all = append(all, natsgo.UserCredentialBytes([]byte(d.Creds)))
	case d.NKey != "":
		pair, err := nkeys.FromSeed([]byte(d.NKey))
		if err != nil {
			return nil, errors.New("nkeyFile does not contain the seed of an nkey")
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, errors.New("nkeyFile does not contain the seed of an nkey")
		}
		all = append(all, natsgo.Nkey(public, pair.Sign))
	}
	return all, nil
}

// Dial implements nats.CustomDialer.
func (t *natsTransport) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), t.timeout)
	defer cancel()
	conn, err := t.dial(ctx, network, address)
	if refused, ok := errors.AsType[*net.OpError](err); ok {
		t.refused.Store(refused)
	}
	return conn, err
}

// subjectFields are the fields that a subject may contain.
var subjectFields = []string{"{cluster}", "{namespace}", "{name}", "{type}"}

// subjectOf fills in the fields of a subject. A dot in a name, which would separate tokens, becomes an underscore, which no name contains.
func subjectOf(subject, cluster string, e *Event) string {
	token := func(text string) string { return strings.ReplaceAll(text, ".", "_") }
	return strings.NewReplacer(
		"{cluster}", token(cluster), "{namespace}", token(e.Namespace), "{name}", token(e.Name), "{type}", string(e.Type),
	).Replace(subject)
}
