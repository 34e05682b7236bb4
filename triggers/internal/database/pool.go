package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// MaxSessions is the maximum number of connections to one server with the same credentials.
	MaxSessions = 4
	// maxAge is the age at which a connection is replaced, so that a change of DNS or a failover is noticed.
	maxAge = 10 * time.Minute
	// connectTimeout limits the opening of a connection, with TLS and authentication.
	connectTimeout = 10 * time.Second
	// pingTimeout limits the check whether a connection still works. A connection that was used less than pingAfter ago is not checked
	// before a query, because that would double the requests of a pool with many triggers, but after one that failed.
	pingTimeout = 2 * time.Second
	pingAfter   = time.Second
)

// Session is one connection to a database. It is used by one goroutine at a time.
type Session interface {
	// Ping returns an error if the session cannot be used any more.
	Ping(ctx context.Context) error
	// Query runs a query in a read-only transaction, which the server ends after limit, and returns its only value as text. A session
	// that is in an unknown state afterwards closes itself. Errors contain no credentials.
	Query(ctx context.Context, query string, limit time.Duration) (string, error)
	// Close closes the connection. It may be called more than once.
	Close() error
}

// Pool has at most MaxSessions sessions, all to one server with the same credentials.
type Pool struct {
	// open opens a session, until stop is called.
	open func() (Session, error)
	stop context.CancelFunc
	// slots has an element for each session that is in use or being opened.
	slots   chan struct{}
	opening sync.WaitGroup

	mu   sync.Mutex
	idle []aged
}

// aged is a session, the time at which it was opened, and the time of its last use.
type aged struct {
	Session

	at, used time.Time
}

// NewPool returns a pool that opens its sessions when they are needed. ctx may end earlier than the pool.
func NewPool(ctx context.Context, open func(ctx context.Context) (Session, error)) *Pool {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	p := &Pool{stop: stop, slots: make(chan struct{}, MaxSessions)}
	p.open = func() (Session, error) {
		ctx, cancel := context.WithTimeoutCause(life, connectTimeout, fmt.Errorf("not connected within %s", connectTimeout))
		defer cancel()
		s, err := open(ctx)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return s, err
	}
	return p
}

// Query runs a query on a session that is free, and waits for one if all are in use. It runs the query again on another session if the
// first one turns out to have been broken. That is safe because a query does not write.
func (p *Pool) Query(ctx context.Context, query string) (string, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	for s, ok := p.working(ctx); ok; s, ok = p.working(ctx) {
		unchecked := time.Since(s.used) < pingAfter
		text, err := s.Query(ctx, query, limit(ctx))
		if err == nil || !unchecked || ctx.Err() != nil || ping(ctx, s) == nil {
			p.put(s)
			return text, err
		}
		_ = s.Close() // It was broken.
	}
	s, err := p.opened(ctx)
	if err != nil {
		return "", err
	}
	defer p.put(s)
	return s.Query(ctx, query, limit(ctx))
}

// working returns an idle session that works, as far as that is known, and closes those that do not.
func (p *Pool) working(ctx context.Context) (aged, bool) {
	for s, ok := p.popIdle(); ok; s, ok = p.popIdle() {
		if time.Since(s.at) < maxAge && (time.Since(s.used) < pingAfter || ping(ctx, s) == nil) {
			return s, true
		}
		_ = s.Close() // It is broken or old.
	}
	return aged{}, false
}

// opened returns a new session. If ctx ends before it is open, it becomes idle later: a connection may take longer to open than the reading
// of a short interval. The caller has a slot, and keeps it only if there is no error.
func (p *Pool) opened(ctx context.Context) (aged, error) {
	type result struct {
		aged

		err error
	}
	results := make(chan result)
	p.opening.Go(func() {
		at := time.Now()
		s, err := p.open()
		select {
		case results <- result{aged{Session: s, at: at}, err}:
		case <-ctx.Done():
			if err == nil {
				p.put(aged{Session: s, at: at})
				return
			}
			<-p.slots
		}
	})
	select {
	case r := <-results:
		if r.err != nil {
			<-p.slots
		}
		return r.aged, r.err
	case <-ctx.Done():
		return aged{}, context.Cause(ctx)
	}
}

func ping(ctx context.Context, s Session) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return s.Ping(ctx)
}

// popIdle removes the session that was used last from the idle ones.
func (p *Pool) popIdle() (aged, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return aged{}, false
	}
	s := p.idle[last]
	p.idle = p.idle[:last]
	return s, true
}

// put makes a session idle and releases its slot.
func (p *Pool) put(s aged) {
	s.used = time.Now()
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
	<-p.slots
}

// Close closes all sessions. No query is running any more.
func (p *Pool) Close() error {
	p.stop()
	p.opening.Wait()
	var all []error
	for s, ok := p.popIdle(); ok; s, ok = p.popIdle() {
		all = append(all, s.Close())
	}
	return errors.Join(all...)
}
