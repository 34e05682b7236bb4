package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9/logging"
)

const (
	// readTimeout limits one reading, and exchangeTimeout one request to one server and its answer.
	readTimeout     = 10 * time.Second
	exchangeTimeout = 3 * time.Second
)

var (
	errClosed     = errors.New("the connection is closed")
	errNoReading  = fmt.Errorf("no answer within %s", readTimeout)
	errNoExchange = fmt.Errorf("no answer within %s", exchangeTimeout)
)

// dial opens one connection; nil is DialContext of a net.Dialer.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// connection is shared by all triggers with the same settings and credentials. It has one session, until the credentials change.
type connection struct {
	dial dial
	// stop ends all attempts to connect.
	stop     context.CancelFunc
	readings sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	session *session
}

// newConnection returns a connection that connects when it is first used. It outlives ctx, and ends with Close.
func newConnection(ctx context.Context, open dial) *connection {
	logging.Disable() // The library logs addresses and errors by itself. They are in the reason of an unknown level.
	if open == nil {
		open = (&net.Dialer{}).DialContext
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	bound := func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		return open(ctx, network, address)
	}
	return &connection{dial: bound, stop: stop}
}

// Close closes all sockets and waits for the readings in progress, which then fail.
func (c *connection) Close() error {
	c.stop()
	c.mu.Lock()
	c.closed = true
	if c.session != nil {
		c.session.close()
	}
	c.mu.Unlock()
	c.readings.Wait()
	return nil
}

// enter returns the session for a. The caller calls leave afterwards. If the credentials have changed, the session is new, and the old
// one ends with the last reading that uses it.
func (c *connection) enter(a access) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if old := c.session; old == nil || old.access != a {
		config, err := a.tlsConfig()
		if err != nil {
			return nil, err
		}
		c.session = newSession(a, secure(c.dial, config))
		if old != nil {
			old.retired = true
			old.closeUnused()
		}
	}
	c.session.users++
	c.readings.Add(1)
	return c.session, nil
}

// leave ends the use of a session.
func (c *connection) leave(s *session) {
	c.mu.Lock()
	s.users--
	s.closeUnused()
	c.mu.Unlock()
	c.readings.Done()
}

// secure returns a dial that checks the answers of the server, inside of TLS if config is not nil.
func secure(open dial, config *tls.Config) dial {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := open(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if config == nil {
			return newGuard(conn), nil
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		verified := config.Clone()
		verified.ServerName = host
		encrypted := tls.Client(conn, verified)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("TLS handshake: %w", err)
		}
		return newGuard(encrypted), nil
	}
}

// result is what a reading returns.
type result[T any] struct {
	value T
	err   error
}

// use calls read with the session for a, and returns when read has returned or ctx is done. The library does not interrupt a request when
// its context is canceled, so read may then still be running; it ends at its deadline, or when the connection is closed.
func use[T any](ctx context.Context, c *connection, a access, read func(ctx context.Context, s *session) (T, error)) (T, error) {
	var none T
	s, err := c.enter(a)
	if err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readTimeout, errNoReading)
	defer cancel()
	done := make(chan result[T], 1)
	go func() {
		defer c.leave(s)
		defer func() {
			if cause := recover(); cause != nil {
				done <- result[T]{err: fmt.Errorf("this is a defect: %v", cause)}
			}
		}()
		value, err := read(ctx, s)
		done <- result[T]{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}
