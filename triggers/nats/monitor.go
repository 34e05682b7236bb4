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
	// maxServers bounds how many servers of a cluster are asked in one reading.
	maxServers = 16
	// maxPages bounds how many lists of accounts, of 1024 each, are read to find the key of a name.
	maxPages = 32
)

// monitor reads a consumer from the monitoring endpoint. Every server of a cluster knows of the consumers it holds, but
// only the leader of a consumer knows its numbers, so the leader is looked for and remembered.
type monitor struct {
	config Config
	env    triggers.Env
	base   url.URL
	name   name
	// account is the key of the account, once the one that goes with its name is known; servers filter by it.
	account atomic.Pointer[string]

	mu     sync.Mutex
	leader string // Host and port of the server that led at the last reading.
	// client is made for the credentials used.
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

// Read returns the backlog now.
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
	if err := m.prepare(ctx); err != nil {
		return backlog{}, err
	}
	if m.leader != "" {
		if c, _, err := m.ask(ctx, m.leader); err == nil && c.led() {
			return backlogOf(c.Consumer)
		}
		m.leader = ""
	}
	c, clustered, err := m.ask(ctx, m.base.Host)
	if err != nil {
		return backlog{}, err
	}
	if c.led() {
		m.leader = m.base.Host
		return backlogOf(c.Consumer)
	}
	switch {
	case clustered:
		return m.search(ctx, c)
	case c != nil:
		return backlog{}, errors.New("it has no leader now")
	}
	return backlog{}, errors.New("it does not exist: " + maybeExpired)
}

// answer is what one server says.
type answer struct {
	host  string
	known *member
	err   error
}

// search asks all servers of the cluster at once for the leader, so that one that hangs delays nobody. known is what a
// follower said, if one did.
func (m *monitor) search(ctx context.Context, known *member) (backlog, error) {
	hosts, err := m.servers(ctx, known)
	if err != nil {
		return backlog{}, err
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
			return backlogOf(a.known.Consumer)
		case a.known != nil:
			known = a.known
		}
	}
	return backlog{}, notFound(len(hosts), known, failed)
}

// notFound says why no server of the cluster leads the consumer, as far as can be known.
func notFound(servers int, known *member, failed error) error {
	switch {
	case failed != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster: %w", servers, failed)
	case known != nil:
		return fmt.Errorf("its leader was not found on %d servers of the cluster", servers)
	}
	return errors.New("it does not exist on any server of the cluster: " + maybeExpired)
}

// servers lists where the monitoring of the cluster's servers should be: always at the port of the endpoint.
func (m *monitor) servers(ctx context.Context, known *member) ([]string, error) {
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
func (m *monitor) ask(ctx context.Context, host string) (*member, bool, error) {
	account := *m.account.Load()
	j, err := m.jsz(ctx, host, url.Values{"acc": {account}, "consumers": {"true"}, "config": {"true"}})
	if err == nil && len(j.Accounts) == 0 {
		if account, err = m.identify(ctx, host); err == nil && account != "" {
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

// identify returns the key of the account that has the configured name, or "" when the server has none of that name.
func (m *monitor) identify(ctx context.Context, host string) (string, error) {
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

// jsz asks one server.
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
