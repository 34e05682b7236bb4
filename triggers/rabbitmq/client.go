package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// maxChannels is the maximum number of channels of a connection, and so of requests that the server works on at a time.
const maxChannels = 16

var errClosed = errors.New("the connection is closed")

// client reads queues over AMQP. All triggers with the same server, virtual host and credentials share one. It has one connection, which it
// opens when it is needed, and again after it has ended.
type client struct {
	access access
	dial   dial
	// stop ends life, and with it an attempt to open a connection and the wait for a slot.
	life context.Context //nolint:containedctx // It is the lifetime of the client.
	stop context.CancelFunc
	// slots has an element for each channel that is in use.
	slots    chan struct{}
	requests sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	session *session
	opening *attempt
	pending map[string]*request
}

// attempt opens a connection. Its result is set before done is closed.
type attempt struct {
	done    chan struct{}
	session *session
	err     error
}

// request asks for one queue. Its result is set before done is closed.
type request struct {
	done  chan struct{}
	queue queue
	err   error
}

// newClient returns a client that outlives ctx. It connects when it is first used.
func newClient(ctx context.Context, a access, open dial) *client {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	return &client{access: a, dial: open, life: life, stop: stop, slots: make(chan struct{}, maxChannels), pending: map[string]*request{}}
}

// read returns the number of messages in a queue that are ready for delivery, and the number of its consumers. If a queue does not answer
// in time, its request goes on, so that its answer cannot be taken for another one, and the next reading waits for the same request.
func (c *client) read(ctx context.Context, q query) (answer, error) {
	r, err := c.begin(q.queue) //nolint:contextcheck // A request may outlive the reading.
	if err != nil {
		return answer{}, err
	}
	select {
	case <-r.done:
		return answer{queues: []queue{r.queue}}, r.err
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
}

// begin returns the request for a queue that is in progress, or begins one.
func (c *client) begin(name string) (*request, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if r := c.pending[name]; r != nil {
		return r, nil
	}
	r := &request{done: make(chan struct{})}
	c.pending[name] = r
	c.requests.Go(func() {
		r.queue, r.err = c.query(name)
		c.mu.Lock()
		delete(c.pending, name)
		c.mu.Unlock()
		close(r.done)
	})
	return r, nil
}

// query reads a queue. If the connection turns out to have ended, it reads once more over a new one.
func (c *client) query(name string) (queue, error) {
	select {
	case c.slots <- struct{}{}:
	case <-c.life.Done():
		return queue{}, errClosed
	}
	defer func() { <-c.slots }()
	for again := false; ; again = true {
		s, fresh, err := c.connected()
		if err != nil {
			return queue{}, err
		}
		found, err := c.queryOver(s, name)
		if err == nil {
			return found, nil
		}
		reason := s.reason(err)
		if reply, ok := errors.AsType[*amqp.Error](err); ok && reply.Server && !s.conn.IsClosed() {
			return queue{}, reason
		}
		_ = s.socket.Close() // It has ended, or the answer made no sense.
		s.wait()
		if fresh || again {
			return queue{}, reason
		}
	}
}

// queryOver reads a queue over one connection. The channel is used again if the server returned the queue.
func (c *client) queryOver(s *session, name string) (queue, error) {
	channel, err := c.channel(s)
	if err != nil {
		return queue{}, err
	}
	found, err := inspect(channel, name)
	if err != nil {
		return queue{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.idle = append(s.idle, channel)
	return found, nil
}

// channel returns an idle channel, or opens one.
func (c *client) channel(s *session) (*amqp.Channel, error) {
	c.mu.Lock()
	for len(s.idle) > 0 {
		last := len(s.idle) - 1
		channel := s.idle[last]
		s.idle = slices.Delete(s.idle, last, last+1)
		if !channel.IsClosed() {
			c.mu.Unlock()
			return channel, nil
		}
	}
	c.mu.Unlock()
	return s.conn.Channel()
}

// connected returns the connection, and whether it was opened just now. Only one attempt to open it is made at a time.
func (c *client) connected() (s *session, fresh bool, err error) {
	c.mu.Lock()
	switch {
	case c.closed:
		c.mu.Unlock()
		return nil, false, errClosed
	case c.session != nil && !c.session.conn.IsClosed():
		defer c.mu.Unlock()
		return c.session, false, nil
	}
	if a := c.opening; a != nil {
		c.mu.Unlock()
		<-a.done
		return a.session, true, a.err
	}
	a := &attempt{done: make(chan struct{})}
	ended := c.session
	c.opening, c.session = a, nil
	c.mu.Unlock()
	if ended != nil {
		ended.close()
	}
	c.open(a)
	return a.session, true, a.err
}

// open opens a connection. If the client was closed meanwhile, it closes the connection again.
func (c *client) open(a *attempt) {
	ctx, cancel := context.WithTimeoutCause(c.life, openTimeout, fmt.Errorf("not connected within %s", openTimeout))
	defer cancel()
	a.session, a.err = openSession(ctx, c.access, c.dial)
	c.mu.Lock()
	c.opening = nil
	late := c.closed && a.err == nil
	if a.err == nil && !late {
		c.session = a.session
	}
	c.mu.Unlock()
	if late {
		a.session.close()
		a.session, a.err = nil, errClosed
	}
	close(a.done)
}

// Close closes the connection and waits for the requests in progress, which then fail.
func (c *client) Close() error {
	c.mu.Lock()
	c.closed = true
	s := c.session
	c.mu.Unlock()
	c.stop()
	if s != nil {
		s.close()
	}
	c.requests.Wait()
	return nil
}
