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

// broker reads queues over AMQP. All triggers with the same server, virtual host and credentials share one. It has one connection, which it
// opens when it is needed, and again after it has ended.
type broker struct {
	access access
	dial   dial
	// stop ends life, and with it an attempt to open a connection and the wait for a slot.
	life context.Context //nolint:containedctx // It is the lifetime of the broker.
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

// newBroker returns a broker that outlives ctx. It connects when it is first used.
func newBroker(ctx context.Context, a access, open dial) *broker {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	return &broker{access: a, dial: open, life: life, stop: stop, slots: make(chan struct{}, maxChannels), pending: map[string]*request{}}
}

// read returns the number of messages in a queue that are ready for delivery, and the number of its consumers. If a queue does not answer in time, its request goes on, so that its
// answer cannot be taken for another one, and the next reading waits for the same request.
func (b *broker) read(ctx context.Context, q query) (answer, error) {
	r, err := b.begin(q.queue) //nolint:contextcheck // A request may outlive the reading.
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
func (b *broker) begin(name string) (*request, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errClosed
	}
	if r := b.pending[name]; r != nil {
		return r, nil
	}
	r := &request{done: make(chan struct{})}
	b.pending[name] = r
	b.requests.Go(func() {
		r.queue, r.err = b.query(name)
		b.mu.Lock()
		delete(b.pending, name)
		b.mu.Unlock()
		close(r.done)
	})
	return r, nil
}

// query reads a queue. If the connection turns out to have ended, it reads once more over a new one.
func (b *broker) query(name string) (queue, error) {
	select {
	case b.slots <- struct{}{}:
	case <-b.life.Done():
		return queue{}, errClosed
	}
	defer func() { <-b.slots }()
	for again := false; ; again = true {
		s, fresh, err := b.connected()
		if err != nil {
			return queue{}, err
		}
		found, err := b.queryOver(s, name)
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
func (b *broker) queryOver(s *session, name string) (queue, error) {
	channel, err := b.channel(s)
	if err != nil {
		return queue{}, err
	}
	found, err := inspect(channel, name)
	if err != nil {
		return queue{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s.idle = append(s.idle, channel)
	return found, nil
}

// channel returns an idle channel, or opens one.
func (b *broker) channel(s *session) (*amqp.Channel, error) {
	b.mu.Lock()
	for len(s.idle) > 0 {
		last := len(s.idle) - 1
		channel := s.idle[last]
		s.idle = slices.Delete(s.idle, last, last+1)
		if !channel.IsClosed() {
			b.mu.Unlock()
			return channel, nil
		}
	}
	b.mu.Unlock()
	return s.conn.Channel()
}

// connected returns the connection, and whether it was opened just now. Only one attempt to open it is made at a time.
func (b *broker) connected() (s *session, fresh bool, err error) {
	b.mu.Lock()
	switch {
	case b.closed:
		b.mu.Unlock()
		return nil, false, errClosed
	case b.session != nil && !b.session.conn.IsClosed():
		defer b.mu.Unlock()
		return b.session, false, nil
	}
	if a := b.opening; a != nil {
		b.mu.Unlock()
		<-a.done
		return a.session, true, a.err
	}
	a := &attempt{done: make(chan struct{})}
	ended := b.session
	b.opening, b.session = a, nil
	b.mu.Unlock()
	if ended != nil {
		ended.close()
	}
	b.open(a)
	return a.session, true, a.err
}

// open opens a connection. If the broker was closed meanwhile, it closes the connection again.
func (b *broker) open(a *attempt) {
	ctx, cancel := context.WithTimeoutCause(b.life, openTimeout, fmt.Errorf("not connected within %s", openTimeout))
	defer cancel()
	a.session, a.err = openSession(ctx, b.access, b.dial)
	b.mu.Lock()
	b.opening = nil
	late := b.closed && a.err == nil
	if a.err == nil && !late {
		b.session = a.session
	}
	b.mu.Unlock()
	if late {
		a.session.close()
		a.session, a.err = nil, errClosed
	}
	close(a.done)
}

// Close closes the connection and waits for the requests in progress, which then fail.
func (b *broker) Close() error {
	b.mu.Lock()
	b.closed = true
	s := b.session
	b.mu.Unlock()
	b.stop()
	if s != nil {
		s.close()
	}
	b.requests.Wait()
	return nil
}
