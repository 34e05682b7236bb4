package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"

	"github.com/impulse-sh/impulse/internal/natsclient"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// maxServers bounds how many servers of a cluster are asked in one reading.
const maxServers = 16

// monitor reads a consumer from the monitoring endpoint. Every server of a cluster knows of the consumers it holds, but
// only the leader of a consumer knows its numbers, so the leader is looked for and remembered.
type monitor struct {
	config  Config
	env     triggers.Env
	base    url.URL
	account string
	name    name

	mu     sync.Mutex
	leader string // Host and port of the server that led at the last reading.
	// client is made for the credentials used.
	client *http.Client
	used   natsclient.Credentials
}

func newMonitor(c Config, env triggers.Env) *monitor {
	m := &monitor{config: c, env: env, account: c.Account, name: name{stream: c.Stream, consumer: c.Consumer}}
	m.base = url.URL{Scheme: "http", Host: c.NATSServerMonitoringEndpoint}
	if u, err := url.Parse(c.endpoint()); err == nil {
		m.base = *u
	}
	return m
}

// Read returns the level now.
func (m *monitor) Read(ctx context.Context) (scalers.Milli, error) {
	value, err := m.read(ctx)
	if err != nil {
		return 0, fmt.Errorf("read consumer %s of stream %s at %s: %w", m.name.consumer, m.name.stream, m.base.Host, err)
	}
	return value, nil
}

func (m *monitor) read(ctx context.Context) (scalers.Milli, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.prepare(ctx); err != nil {
		return 0, err
	}
	if m.leader != "" {
		if c, _, err := m.ask(ctx, m.leader); err == nil && c.led() {
			return lag(c.NumPending, c.NumAckPending)
		}
		m.leader = ""
	}
	c, clustered, err := m.ask(ctx, m.base.Host)
	if err != nil {
		return 0, err
	}
	if c.led() {
		m.leader = m.base.Host
		return lag(c.NumPending, c.NumAckPending)
	}
	switch {
	case clustered:
		return m.search(ctx, c)
	case c != nil:
		return 0, errors.New("it has no leader now")
	}
	return 0, errors.New("it does not exist")
}

// answer is what one server says.
type answer struct {
	host  string
	known *consumer
	err   error
}

// search asks all servers of the cluster at once for the leader, so that one that hangs delays nobody. known is what a
// follower said, if one did.
func (m *monitor) search(ctx context.Context, known *consumer) (scalers.Milli, error) {
	hosts, err := m.servers(ctx, known)
	if err != nil {
		return 0, err
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, len(hosts))
	for _, host := range hosts {
		asking.Go(func() {
			c, _, err := m.ask(ctx, host)
			answers <- answer{host, c, err}
		})
	}
	var failed error
	for range hosts {
		a := <-answers
		switch {
		case a.err != nil:
			failed = fmt.Errorf("%s: %w", a.host, a.err)
		case a.known.led():
			m.leader = a.host
			return lag(a.known.NumPending, a.known.NumAckPending)
		case a.known != nil:
			known = a.known
		}
	}
	return 0, notFound(len(hosts), known, failed)
}

// notFound says why no server of the cluster leads the consumer, as far as can be known.
func notFound(servers int, known *consumer, failed error) error {
	switch {
	case failed != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster: %w", servers, failed)
	case known != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster", servers)
	}
	return errors.New("it does not exist on any server of the cluster")
}

// servers lists where the monitoring of the cluster's servers should be: always at the port of the endpoint.
func (m *monitor) servers(ctx context.Context, known *consumer) ([]string, error) {
	var v varz
	if err := m.get(ctx, m.base.Host, "/varz", nil, &v); err != nil {
		return nil, err
	}
	hosts := v.hosts(known, m.base.Hostname())
	hosts = hosts[:min(len(hosts), maxServers)]
	if port := m.base.Port(); port != "" {
		for i, host := range hosts {
			hosts[i] = net.JoinHostPort(host, port)
		}
	}
	return hosts, nil
}

// ask returns what one server knows of the consumer, nil when it knows nothing, and whether it is one of a cluster.
func (m *monitor) ask(ctx context.Context, host string) (*consumer, bool, error) {
	var j jsz
	query := url.Values{"acc": {m.account}, "consumers": {"true"}}
	if err := m.get(ctx, host, "/jsz", query, &j); err != nil {
		return nil, false, err
	}
	if j.Disabled {
		return nil, false, errors.New("JetStream is off on this server")
	}
	return j.find(m.account, m.name), j.MetaCluster.Size > 1, nil
}
