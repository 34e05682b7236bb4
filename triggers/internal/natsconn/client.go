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

// Timeout limits one attempt to connect, and one request.
const Timeout = 2 * time.Second

// Backoff returns the pause before an attempt, counted from 1. It grows up to 5 s and is randomized, so that the clients of a server that
// comes back do not all connect at the same time.
func Backoff(attempt int) time.Duration {
	d := 5 * time.Second
	if attempt < 6 {
		d = min(d, 125*time.Millisecond<<attempt)
	}
	return d*3/4 + rand.N(d/4)
}

// dialer opens the sockets of one client until its context is done, and stores the error of the last one: the client itself reports
// only "no servers available".
type dialer struct {
	open func(network, address string) (net.Conn, error)
	last atomic.Pointer[net.OpError]
}

// Dial opens one connection; nil is DialContext of a net.Dialer.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func newDialer(ctx context.Context, dial Dial) *dialer {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	d := &dialer{}
	d.open = func(network, address string) (net.Conn, error) {
		attempt, cancel := context.WithTimeout(ctx, Timeout)
		defer cancel()
		conn, err := dial(attempt, network, address)
		if err != nil {
			return nil, err
		}
		return &socket{Conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
	}
	return d
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.open(network, address)
	d.last.Store(nil)
	if refused := new(net.OpError); errors.As(err, &refused) {
		d.last.Store(refused)
	}
	return conn, err
}

// socket is also closed when a context is done, so that nothing waits for a server that does not answer.
type socket struct {
	net.Conn
	stop func() bool
}

// Close closes the socket.
func (s *socket) Close() error {
	s.stop()
	return s.Conn.Close()
}

// Client is a client of NATS.
type Client struct {
	*natsgo.Conn
	dialer *dialer
	// ended is closed when the client does not reconnect any more.
	ended  <-chan struct{}
	cancel context.CancelFunc
}

// Connect returns a connected client. The client reconnects without end, unless the server refuses its credentials twice: then it ends, and
// the credentials may have changed. ctx limits only this call. dial opens all connections.
func Connect(ctx context.Context, dial Dial, urls string, options []natsgo.Option) (*Client, error) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, cancel)()
	d, ended := newDialer(life, dial), make(chan struct{})
	options = append([]natsgo.Option{
		natsgo.Name("impulse"),
		natsgo.Timeout(Timeout),
		natsgo.SetCustomDialer(d),
		natsgo.SkipHostLookup(),
		natsgo.MaxReconnects(-1),
		natsgo.CustomReconnectDelay(Backoff),
		natsgo.ReconnectBufSize(-1), // A request without a connection fails at once.
		natsgo.PingInterval(10 * time.Second),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}), // Errors are returned by requests.
		natsgo.ClosedHandler(func(*natsgo.Conn) { close(ended) }),
	}, options...)
	conn, err := natsgo.Connect(urls, options...)
	if err != nil {
		cancel()
		return nil, d.explain(err)
	}
	return &Client{Conn: conn, dialer: d, ended: ended, cancel: cancel}, nil
}

// explain returns the error of the last socket that could not be opened, or err if there is none.
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

// Ended returns a channel that is closed when the client does not reconnect any more, because the server has refused it.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// Reason returns why there is no connection, or err if that is not known.
func (c *Client) Reason(err error) error { return c.dialer.explain(err) }

// CheckURLs returns the problem with the addresses of servers, which are separated by commas, and a suggestion; "" if they are valid.
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
