package rabbitmq

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

const (
	// amqpTimeout and httpTimeout limit a reading if the metadata have no timeout.
	amqpTimeout = 10 * time.Second
	httpTimeout = 3 * time.Second
)

// Kind describes the trigger type rabbitmq.
func Kind() triggers.Kind {
	k := triggers.Define("rabbitmq", "Messages in a queue of RabbitMQ, or the rates at which they are published and delivered.", defaults(), open)
	k.Auth = parameters()
	k.Limits = triggers.WithoutPodIdentity("log in with username and password")
	k.Example = map[string]string{"host": "http://rabbitmq.shop:15672/shop", "queueName": "orders", "mode": queueLength, "value": "20"}
	return k
}

// query is what is read from a server. It is comparable.
type query struct {
	queue    string
	regex    bool
	pageSize int64
	// rates is true if the answer must have rates.
	rates bool
}

// server reads queues of one server with one set of credentials.
type server interface {
	io.Closer
	// read returns the queues that a query selects. ctx has the deadline of the reading. Errors contain no credentials.
	read(ctx context.Context, q query) (answer, error)
}

// open builds the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	r := &reader{config: c, env: env}
	settings := c
	settings.Mode, settings.Operation, settings.Value, settings.ActivationValue, settings.QueueLength, settings.ExcludeUnacknowledged = "", "", 0, 0, 0, false
	a, _ := c.access(secrets{}) // Without a host, the authenticationRef names the server.
	key := triggers.PollKey{
		Server: a.address,
		Key:    fmt.Sprintf("rabbitmq\x00%s\x00%t\x00%s", digest(settings), r.query().rates, env.Credentials),
	}
	if key.Server == "" {
		key.Server = "rabbitmq " + env.Credentials
	}
	poll := triggers.PollEach(key, r.Read, func(_ scalers.Instant, found answer) scalers.Event { return c.event(found) }, env)
	return triggers.WithResources(func() (triggers.Passive, func(), error) { return poll, r.close, nil }), nil
}

// reader reads for one trigger. Each reading uses the current credentials: if they have changed, it uses another server value.
type reader struct {
	config Config
	env    triggers.Env

	mu     sync.Mutex
	closed bool
	// retained is the key of the server value that stays open until the next reading, and release releases it.
	retained  string
	release   func()
	emptiness emptiness
}

// now returns the time of the process.
func (r *reader) now() time.Time {
	if r.env.Now == nil {
		return time.Now()
	}
	return r.env.Now()
}

func (r *reader) query() query {
	return query{
		queue: r.config.QueueName, regex: r.config.UseRegex, pageSize: min(r.config.PageSize, maxPageSize), rates: r.config.mode() != queueLength,
	}
}

// Read returns the queues.
func (r *reader) Read(ctx context.Context) (answer, error) {
	what := "read queue " + r.config.QueueName
	if r.config.UseRegex {
		what = "read the queues that match " + r.config.QueueName
	}
	s, err := readSecrets(ctx, r.env.Secrets)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", what, err)
	}
	a, err := r.config.access(s)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", what, err)
	}
	what += " at " + a.address
	found, err := r.read(ctx, a)
	if err != nil {
		return answer{}, fmt.Errorf("%s: %w", what, err)
	}
	found.where = what
	if a.protocol == amqpProtocol {
		found.unconfirmed = r.emptiness.check(found.queues[0], r.now())
	}
	return found, nil
}

func (r *reader) read(ctx context.Context, a access) (answer, error) {
	limit := r.config.Timeout
	if limit == 0 {
		limit = amqpTimeout
		if a.protocol == httpProtocol {
			limit = httpTimeout
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	key := "rabbitmq\x00" + digest(a)
	connect := func() (server, error) {
		if a.protocol == amqpProtocol {
			return newClient(ctx, a, r.env.Dial), nil
		}
		return newManagement(a, r.env.HTTP)
	}
	shared, release, err := triggers.Acquire(r.env.Pool, key, connect)
	if err != nil {
		return answer{}, err
	}
	defer release() // Another trigger may wait for this reading after this trigger has ended.
	if err := r.retain(key, connect); err != nil {
		return answer{}, err
	}
	return shared.read(ctx, r.query())
}

// retain retains the server value of a key, instead of the one that it retained before.
func (r *reader) retain(key string, connect func() (server, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.release != nil && r.retained == key {
		return nil
	}
	_, release, err := triggers.Acquire(r.env.Pool, key, connect)
	if err != nil {
		return err
	}
	if r.release != nil {
		r.release()
	}
	r.retained, r.release = key, release
	return nil
}

// close releases the connection.
func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.release != nil {
		r.release()
		r.release = nil
	}
}
