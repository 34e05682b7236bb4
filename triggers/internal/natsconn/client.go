package natsconn

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

// Patience bounds one attempt to connect, and one request.
const Patience = 2 * time.Second

// Backoff is how long to wait before attempt n, counted from 1: longer each time, at most 5 s, and spread, so that the
// clients of a server that comes back do not all come at once.
func Backoff(attempt int) time.Duration {
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

// Dial opens one connection, such as net.Dialer's DialContext does; nil is that.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func newDialer(ctx context.Context, dial Dial) *dialer {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	d := &dialer{}
	d.open = func(network, address string) (net.Conn, error) {
		attempt, cancel := context.WithTimeout(ctx, Patience)
		defer cancel()
		conn, err := dial(attempt, network, address)
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

// Client is one client of a server.
type Client struct {
	*natsgo.Conn
	dialer *dialer
	// ended is closed when the client has ended for good.
	ended  <-chan struct{}
	cancel context.CancelFunc
}

// Connect opens a client. It reconnects by itself for ever, except when the server refuses its credentials twice: then
// it ends, and the credentials may have to be read again. ctx bounds this call only; dial opens all connections.
func Connect(ctx context.Context, dial Dial, urls string, options []natsgo.Option) (*Client, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, cancel)()
	d, ended := newDialer(life, dial), make(chan struct{})
	options = append([]natsgo.Option{
		natsgo.Name("impulse"),
		natsgo.Timeout(Patience),
		natsgo.SetCustomDialer(d),
		natsgo.SkipHostLookup(),
		natsgo.MaxReconnects(-1),
		natsgo.CustomReconnectDelay(Backoff),
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
	return &Client{Conn: conn, dialer: d, ended: ended, cancel: cancel}, nil
}

// explain returns the reason of the last socket that could not be opened, when there is one.
func (d *dialer) explain(err error) error {
	if refused := d.last.Load(); refused != nil {
		return refused
	}
	return err
}

// Close ends the client and waits for it.
func (c *Client) Close() {
	c.cancel()
	c.Conn.Close()
	<-c.ended
}

// Ended is closed when the client has ended for good, because the server has refused it.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// Why returns the reason why there is no connection, when one is known; err otherwise.
func (c *Client) Why(err error) error { return c.dialer.explain(err) }

// CheckURLs says what is wrong with the addresses of servers, separated by commas, and what to write instead; "" when they
// are well.
func CheckURLs(addresses string) (problem, suggestion string) {
	for address := range strings.SplitSeq(addresses, ",") {
		u, err := url.Parse(strings.TrimSpace(address))
		switch {
		case err == nil && u.User != nil:
			return "contains credentials", "put them in a Secret, with an authenticationRef"
		case err != nil, !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme), u.Hostname() == "":
			return "is not a URL of a NATS server", "write nats://HOST:4222"
		}
	}
	return "", ""
}
