package nats

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

// patience bounds one attempt to connect, and one request.
const patience = 2 * time.Second

// backoff is how long to wait before attempt n, counted from 1: longer each time, at most 5 s, and spread, so that the
// clients of a server that comes back do not all come at once.
func backoff(attempt int) time.Duration {
	d := 5 * time.Second
	if attempt < 6 {
		d = min(d, 125*time.Millisecond<<attempt)
	}
	return d*3/4 + rand.N(d/4)
}

// dialer opens the sockets of one client until its context is done, and remembers why the last one could not be opened:
// the client itself says no more than "no servers available".
type dialer struct {
	open func(network, address string) (net.Conn, error)
	last atomic.Pointer[net.OpError]
}

func newDialer(ctx context.Context) *dialer {
	d := &dialer{}
	d.open = func(network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &socket{Conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
	}
	return d
}

// Dial is what the client calls.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.open(network, address)
	d.last.Store(nil)
	if refused := new(net.OpError); errors.As(err, &refused) {
		d.last.Store(refused)
	}
	return conn, err
}

// socket is closed by the end of a context as well, so that nothing waits for a server that says nothing.
type socket struct {
	net.Conn
	stop func() bool
}

// Close closes the socket.
func (s *socket) Close() error {
	s.stop()
	return s.Conn.Close()
}

// connected is one client of a server.
type connected struct {
	*natsgo.Conn
	dialer *dialer
	// ended is closed when the client has ended for good.
	ended  <-chan struct{}
	cancel context.CancelFunc
}

// connect opens a client. It reconnects by itself for ever, except when the server refuses its credentials twice: then
// it ends, and the credentials may have to be read again. ctx bounds this call only.
func connect(ctx context.Context, urls string, options []natsgo.Option) (*connected, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, cancel)()
	d, ended := newDialer(life), make(chan struct{})
	options = append([]natsgo.Option{
		natsgo.Name("impulse"),
		natsgo.Timeout(patience),
		natsgo.SetCustomDialer(d),
		natsgo.SkipHostLookup(),
		natsgo.MaxReconnects(-1),
		natsgo.CustomReconnectDelay(backoff),
		natsgo.ReconnectBufSize(-1), // A request without a connection fails at once.
		natsgo.PingInterval(10 * time.Second),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}), // Readings say what is wrong.
		natsgo.ClosedHandler(func(*natsgo.Conn) { close(ended) }),
	}, options...)
	conn, err := natsgo.Connect(urls, options...)
	if err != nil {
		cancel()
		return nil, d.explain(err)
	}
	return &connected{Conn: conn, dialer: d, ended: ended, cancel: cancel}, nil
}

// explain returns the reason of the last socket that could not be opened, when there is one.
func (d *dialer) explain(err error) error {
	if refused := d.last.Load(); refused != nil {
		return refused
	}
	return err
}

// close ends the client and waits for it.
func (c *connected) close() {
	c.cancel()
	c.Close()
	<-c.ended
}
