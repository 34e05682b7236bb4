package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

const (
	// maxServers is the maximum number of servers of a cluster that one reading queries.
	maxServers = 16
	// maxPages is the maximum number of pages of 1024 accounts that are read to find the key of a name.
	maxPages = 32
)

// monitor reads a consumer from the monitoring endpoint. Every server of a cluster lists its consumers, but only the leader of a consumer
// has correct numbers, so monitor searches for the leader and remembers it.
type monitor struct {
	config Config
	env    triggers.Env
	base   url.URL
	name   name
	// account is the configured account, and its key once that is known. Servers filter by it.
	account atomic.Pointer[string]

	mu     sync.Mutex
	leader string // Host and port of the leader at the last reading; "" if unknown.
	// client was created with the credentials in used.
	client *http.Client
	used   natsconn.Credentials
}

func newMonitor(c Config, env triggers.Env) *monitor {
	m := &monitor{config: c, env: env, name: name{stream: c.Stream, consumer: c.Consumer}}
	m.account.Store(&c.Account)
	m.base = url.URL{Scheme: "http", Host: c.NATSServerMonitoringEndpoint}
	if u, err := url.Parse(c.endpoint()); err == nil {
		m.base = *u
	}
	return m
}

// Read returns the current backlog.
func (m *monitor) Read(ctx context.Context) (backlog, error) {
	b, err := m.read(ctx)
	if err != nil {
		return backlog{}, fmt.Errorf("read consumer %s of stream %s at %s: %w", m.name.consumer, m.name.stream, m.base.Host, err)
	}
	return b, nil
}

func (m *monitor) read(ctx context.Context) (backlog, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.updateClient(ctx); err != nil {
		return backlog{}, err
	}
	if m.leader != "" {
		if c, _, err := m.query(ctx, m.leader); err == nil && c.isLeader() {
			return backlogOf(c.Consumer)
		}
		m.leader = ""
	}
	c, clustered, err := m.query(ctx, m.base.Host)
	if err != nil {
		return backlog{}, err
	}
	if c.isLeader() {
		m.leader = m.base.Host
		return backlogOf(c.Consumer)
	}
	switch {
	case clustered:
		return m.findLeader(ctx, c)
	case c != nil:
		return backlog{}, errors.New("it has no leader now")
	}
	return backlog{}, errors.New("it does not exist: " + maybeExpired)
}

// serverAnswer is the answer of one server.
type serverAnswer struct {
	host  string
	state *consumerState
	err   error
}

// findLeader queries all servers of the cluster concurrently, so that a server that hangs delays no other. known is the answer of a
// follower, if there is one.
func (m *monitor) findLeader(ctx context.Context, known *consumerState) (backlog, error) {
	hosts, err := m.servers(ctx, known)
	if err != nil {
		return backlog{}, err
	}
	var queries sync.WaitGroup
	defer queries.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan serverAnswer, len(hosts))
	for _, host := range hosts {
		queries.Go(func() {
			c, _, err := m.query(ctx, host)
			answers <- serverAnswer{host, c, err}
		})
	}
	var failed error
	for range hosts {
		a := <-answers
		switch {
		case a.err != nil:
			failed = fmt.Errorf("%s: %w", a.host, a.err)
		case a.state.isLeader():
			m.leader = a.host
			return backlogOf(a.state.Consumer)
		case a.state != nil:
			known = a.state
		}
	}
	return backlog{}, notFound(len(hosts), known, failed)
}

// notFound returns why no server of the cluster is the leader of the consumer, as far as that is known.
func notFound(servers int, known *consumerState, failed error) error {
	switch {
	case failed != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster: %w", servers, failed)
	case known != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster", servers)
	}
	return errors.New("it does not exist on any server of the cluster: " + maybeExpired)
}

// servers returns the monitoring endpoints of the cluster's servers. All use the port of the configured endpoint.
func (m *monitor) servers(ctx context.Context, known *consumerState) ([]string, error) {
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

// query returns the consumer in the answer of one server, nil if it is not there, and whether the server is part of a cluster.
func (m *monitor) query(ctx context.Context, host string) (*consumerState, bool, error) {
	account := *m.account.Load()
	j, err := m.jsz(ctx, host, url.Values{"acc": {account}, "consumers": {"true"}, "config": {"true"}})
	if err == nil && len(j.Accounts) == 0 {
		if account, err = m.accountKey(ctx, host); err == nil && account != "" {
			m.account.Store(&account)
			j, err = m.jsz(ctx, host, url.Values{"acc": {account}, "consumers": {"true"}, "config": {"true"}})
		}
	}
	if err != nil {
		return nil, false, err
	}
	c := j.find(account, m.name)
	if c != nil {
		err = triggers.CheckComplete(c.Consumer)
	}
	return c, j.MetaCluster.Size > 1, err
}

// accountKey returns the key of the account with the configured name; "" if the server has none of that name.
func (m *monitor) accountKey(ctx context.Context, host string) (string, error) {
	var keys []string
	for seen, pages := 0, 0; pages < maxPages; pages++ {
		j, err := m.jsz(ctx, host, url.Values{"accounts": {"true"}, "offset": {strconv.Itoa(seen)}})
		if err != nil {
			return "", err
		}
		for _, a := range j.Accounts {
			if a.Name == m.config.Account && a.ID != "" && !slices.Contains(keys, a.ID) {
				keys = append(keys, a.ID)
			}
		}
		if seen += len(j.Accounts); len(j.Accounts) == 0 || seen >= j.Total {
			break
		}
	}
	switch len(keys) {
	case 0:
		return "", nil
	case 1:
		return keys[0], nil
	}
	return "", fmt.Errorf("%d accounts are called %s: write the key of one of them, such as %s", len(keys), m.config.Account, keys[0])
}

// jsz queries /jsz of one server.
func (m *monitor) jsz(ctx context.Context, host string, query url.Values) (*jsz, error) {
	var j jsz
	if err := m.get(ctx, host, "/jsz", query, &j); err != nil {
		return nil, err
	}
	if j.Disabled {
		return nil, errors.New("JetStream is off on this server")
	}
	return &j, nil
}
