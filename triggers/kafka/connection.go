package kafka

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
)

var errClosed = errors.New("the connection is closed")

// dial opens one connection; nil is DialContext of a net.Dialer.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// connection is shared by all triggers with the same settings and credentials. It has one session, until the credentials change.
type connection struct {
	// open opens a session, which stop ends.
	open     func(access) (*session, error)
	stop     context.CancelFunc
	readings sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	session *session
}

// newConnection returns a connection that connects when it is first used. It outlives ctx, and ends with Close.
func newConnection(ctx context.Context, open dial, web *http.Client) *connection {
	if open == nil {
		open = (&net.Dialer{}).DialContext
	}
	if web == nil {
		web = &http.Client{}
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	return &connection{stop: stop, open: func(a access) (*session, error) { return newSession(life, a, open, web) }}
}

// Close ends the session and waits for the readings in progress, which then fail.
func (c *connection) Close() error {
	c.stop()
	c.mu.Lock()
	c.closed = true
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.close()
	}
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
		opened, err := c.open(a)
		if err != nil {
			return nil, err
		}
		c.session = opened
		if old != nil && old.users == 0 {
			old.close()
		}
	}
	c.session.users++
	c.readings.Add(1)
	return c.session, nil
}

// leave ends the use of a session.
func (c *connection) leave(s *session) {
	defer c.readings.Done()
	c.mu.Lock()
	s.users--
	unused := s.users == 0 && s != c.session
	c.mu.Unlock()
	if unused {
		s.close()
	}
}
