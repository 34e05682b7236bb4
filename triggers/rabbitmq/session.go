package rabbitmq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const (
	// openTimeout limits the opening of a connection, with TLS and the login, and closeTimeout its end.
	openTimeout  = 10 * time.Second
	closeTimeout = time.Second
)

// dial opens one socket; nil is DialContext of a net.Dialer.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// session is one open connection to a virtual host.
type session struct {
	conn   *amqp.Connection
	access access
	socket *guard
	// ended is closed when the connection has ended. Its goroutines end then.
	ended chan *amqp.Error
	// idle has the channels that are open and not used. It is guarded by client.mu.
	idle []*amqp.Channel
}

// openSession opens a session. ctx has the deadline of that only.
func openSession(ctx context.Context, a access, open dial) (*session, error) {
	socket, err := openSocket(ctx, a, open)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = socket.Close() })()
	properties := amqp.Table{"product": "Impulse", "connection_name": "impulse"}
	conn, err := amqp.Open(socket, amqp.Config{
		SASL: []amqp.Authentication{login{a.authentication(), properties}}, Properties: properties,
		Vhost: a.vhost, Heartbeat: heartbeat, FrameSize: maxFrameBytes, Locale: "en_US",
	})
	s := &session{conn: conn, access: a, socket: socket, ended: conn.NotifyClose(make(chan *amqp.Error, 1))}
	if err == nil {
		return s, nil
	}
	_ = socket.Close()
	s.wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("log in: %w", s.loginReason(err))
}

// openSocket opens a socket, with TLS if the host asks for it.
func openSocket(ctx context.Context, a access, open dial) (*guard, error) {
	config, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	if open == nil {
		open = (&net.Dialer{}).DialContext
	}
	conn, err := open(ctx, "tcp", a.address)
	if err != nil {
		return nil, err
	}
	if config == nil {
		return &guard{Conn: conn}, nil
	}
	if config.ServerName, _, err = net.SplitHostPort(a.address); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	encrypted := tls.Client(conn, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return &guard{Conn: encrypted}, nil
}

// authentication returns how the client proves who it is.
func (a access) authentication() amqp.Authentication {
	if a.external {
		return &amqp.ExternalAuth{}
	}
	return &amqp.PlainAuth{Username: a.username, Password: a.password}
}

// login announces with the authentication that the client understands a refusal. Otherwise the server says nothing, and closes the connection
// after 3 s. The library sets the announced capabilities itself, before it calls Response, and this one is not among them.
type login struct {
	amqp.Authentication

	properties amqp.Table
}

// Response returns the response of the authentication.
func (l login) Response() string {
	if capabilities, ok := l.properties["capabilities"].(amqp.Table); ok {
		capabilities["authentication_failure_close"] = true
	}
	return l.Authentication.Response()
}

// inspect returns a queue with its messages that are ready for delivery. The server closes a channel when it refuses the request; the
// channel is then not usable any more.
func inspect(channel *amqp.Channel, name string) (queue, error) {
	q, err := channel.QueueDeclarePassive(name, false, false, false, false, nil)
	if err != nil {
		return queue{}, err
	}
	if q.Name != name {
		return queue{}, errors.New("the server answered for another queue")
	}
	ready := int64(q.Messages)
	return queue{name: name, total: &ready, ready: &ready, consumers: int64(q.Consumers)}, nil
}

// close tells the server that the connection ends, so that it logs no error, and waits until it has ended.
func (s *session) close() {
	late := time.AfterFunc(closeTimeout, func() { _ = s.socket.Close() })
	defer late.Stop()
	_ = s.conn.Close() // It may be closed already.
	s.wait()
}

// wait waits until the connection has ended.
func (s *session) wait() {
	for range s.ended {
	}
}
