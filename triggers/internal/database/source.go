package database

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Spec describes the source of one trigger.
type Spec struct {
	// Kind is the name of the kind.
	Kind string
	// Address is HOST:PORT from the metadata, or "" if only the authenticationRef names the server.
	Address string
	// Settings are the other parameters that connections depend on.
	Settings []string
	// Query is the query that the user wrote.
	Query string
	// Auth are the parameters of the authenticationRef.
	Auth []triggers.AuthParameter
	// Connect opens a connection with the current credentials. Its errors contain no credentials.
	Connect func(ctx context.Context, c Credentials, dial Dial) (Session, error)
	// Target returns the address that Connect would use, or "" if it comes from the authenticationRef and must not be displayed.
	Target func(c Credentials) string
}

// NewSource returns a source that runs the query once per polling interval. Triggers with the same server, settings, query,
// authenticationRef and polling interval share one reading. Triggers with the same server, settings and credentials share connections.
func NewSource(s Spec, env triggers.Env) triggers.Source {
	r := &reader{spec: s, env: env}
	server := s.Address
	if server == "" {
		server = s.Kind + " " + env.Credentials
	}
	key := strings.Join(append([]string{s.Kind, s.Address, s.Query, env.Credentials}, s.Settings...), "\x00")
	poll := triggers.Poll(triggers.PollKey{Server: server, Key: key}, r, env)
	return triggers.WithResources(func() (triggers.Passive, func(), error) { return poll, r.close, nil })
}

// reader runs the query. Each reading uses the current credentials: if they have changed, it uses another pool.
type reader struct {
	spec Spec
	env  triggers.Env

	mu     sync.Mutex
	closed bool
	// retained is the key of the pool that stays open until the next reading, and release releases it.
	retained string
	release  func()
}

// Read returns the current level.
func (r *reader) Read(ctx context.Context) (scalers.Milli, error) {
	c, err := readCredentials(ctx, r.env.Secrets, r.spec.Auth)
	if err != nil {
		return 0, fmt.Errorf("query the database: %w", err)
	}
	level, err := r.read(ctx, c)
	switch {
	case err == nil:
		return level, nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	default:
		err = c.redact(err)
	}
	if target := r.spec.Target(c); target != "" {
		return 0, fmt.Errorf("query %s: %w", target, err)
	}
	return 0, fmt.Errorf("query the database of the authenticationRef: %w", err)
}

func (r *reader) read(ctx context.Context, c Credentials) (scalers.Milli, error) {
	key := strings.Join(append([]string{r.spec.Kind, r.spec.Address, c.digest()}, r.spec.Settings...), "\x00")
	open := func() (*Pool, error) {
		return NewPool(ctx, func(ctx context.Context) (Session, error) { return r.spec.Connect(ctx, c, r.env.Dial) }), nil
	}
	p, release, err := triggers.Acquire(r.env.Pool, key, open)
	if err != nil {
		return 0, err
	}
	defer release() // Another trigger may wait for this reading after this trigger has ended.
	if err := r.retain(key, open); err != nil {
		return 0, err
	}
	text, err := p.Query(ctx, r.spec.Query)
	if err != nil {
		return 0, err
	}
	return level(text)
}

// retain retains the pool of a key, instead of the one that it retained before.
func (r *reader) retain(key string, open func() (*Pool, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.release != nil && r.retained == key {
		return nil
	}
	_, release, err := triggers.Acquire(r.env.Pool, key, open)
	if err != nil {
		return err
	}
	if r.release != nil {
		r.release()
	}
	r.retained, r.release = key, release
	return nil
}

// close releases the pool.
func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.release != nil {
		r.release()
		r.release = nil
	}
}

// maxQuery is the duration that a query may take if its context has no deadline.
const maxQuery = 30 * time.Second

// limit returns how long the server may work on a query: a little less than the reading may take, so that the server's error arrives
// and the connection can be used again.
func limit(ctx context.Context) time.Duration {
	left := maxQuery
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	return max((left * 9 / 10).Truncate(time.Millisecond), time.Millisecond)
}
