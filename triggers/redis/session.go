package redis

import (
	"context"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	// maxNodes is the maximum number of servers of a session.
	maxNodes = 1024
	// poolSize is the maximum number of connections to one server.
	poolSize = 4
	// idleTime is how long a connection may be idle: less than routers between usually allow.
	idleTime = time.Minute
)

// session has the clients of all servers for one set of credentials.
type session struct {
	access access
	dial   dial
	// users and retired are guarded by connection.mu.
	users   int
	retired bool

	mu      sync.Mutex
	closed  bool
	clients map[node]*goredis.Client
	// sentinel is the Sentinel that has answered last, and is asked first.
	sentinel string
}

// node is a server, which is a Sentinel or not.
type node struct {
	address  string
	sentinel bool
}

func newSession(a access, open dial) *session {
	return &session{access: a, dial: open, clients: map[node]*goredis.Client{}}
}

// closeUnused closes a retired session after its last use. The caller must hold connection.mu.
func (s *session) closeUnused() {
	if s.retired && s.users == 0 {
		s.close()
	}
}

// close closes all clients. Requests in progress fail.
func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for n, client := range s.clients {
		_ = client.Close()
		delete(s.clients, n)
	}
}

// client returns the client of a server.
func (s *session) client(n node) (*goredis.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if found := s.clients[n]; found != nil {
		return found, nil
	}
	for other, client := range s.clients {
		if len(s.clients) < maxNodes {
			break
		}
		_ = client.Close()
		delete(s.clients, other)
	}
	s.clients[n] = goredis.NewClient(s.options(n))
	return s.clients[n], nil
}

// options returns the options of a client that sends nothing but the login, SELECT and the requests of this package.
func (s *session) options(n node) *goredis.Options {
	o := &goredis.Options{
		Addr: n.address, Dialer: s.dial, Username: s.access.username, Password: s.access.password, DB: s.access.database,
		Protocol: 2, DisableIdentity: true,
		DialTimeout: exchangeTimeout, ReadTimeout: exchangeTimeout, WriteTimeout: exchangeTimeout, ContextTimeoutEnabled: true,
		DialerRetries: 1, MaxRetries: 1, MinRetryBackoff: -1, MaxRetryBackoff: -1,
		PoolSize: poolSize, MaxActiveConns: poolSize, PipelinePoolSize: -1, ConnMaxIdleTime: idleTime,
		// Otherwise the library resolves the host itself when the client is created.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if n.sentinel {
		o.Username, o.Password, o.DB = s.access.sentinelUsername, s.access.sentinelPassword, 0
	}
	return o
}

// exchange sends one command to one server and returns the answer. With asking, the server answers for a key that is being moved to it.
func (s *session) exchange(ctx context.Context, n node, asking bool, command ...any) (any, error) {
	client, err := s.client(n)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, exchangeTimeout, errNoExchange)
	defer cancel()
	if !asking {
		answer, err := client.Do(ctx, command...).Result()
		return answer, s.failure(ctx, n, err)
	}
	var sent *goredis.Cmd
	_, err = client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		p.Do(ctx, "ASKING")
		sent = p.Do(ctx, command...)
		return nil
	})
	return sent.Val(), s.failure(ctx, n, err)
}
