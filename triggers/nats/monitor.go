package nats

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// monitor reads the consumers of one account from the monitoring endpoint, for all triggers with the same endpoint, account and
// credentials. A reading is that of all consumers that these triggers want, because an answer has all consumers of the account in any case.
type monitor struct {
	config Config
	base   url.URL
	http   *http.Client

	mu sync.Mutex
	// wanted counts the triggers of each consumer.
	wanted map[name]int
	// leaders has the host and port of the leader of each consumer at the last reading.
	leaders map[name]string
	// account is the configured account, and its key once that is known. Servers filter by it.
	account string
	// client was created with the credentials in used.
	client *http.Client
	used   natsconn.Credentials
}

// outcome is the part of a reading for one consumer.
type outcome struct {
	backlog

	err error
}

// outcomes is a reading. It has all consumers that were wanted when it began, and some that were wanted later.
type outcomes map[name]outcome

// newMonitor returns a monitor for all triggers with the same config, except for its stream, consumer and thresholds.
func newMonitor(c Config, client *http.Client) *monitor {
	m := &monitor{config: c, http: client, account: c.Account, wanted: map[name]int{}}
	m.base = url.URL{Scheme: "http", Host: c.NATSServerMonitoringEndpoint}
	if u, err := url.Parse(c.endpoint()); err == nil {
		m.base = *u
	}
	return m
}

// Close does nothing: a monitor has no connections of its own.
func (m *monitor) Close() error { return nil }

// want adds a trigger of a consumer, which is part of each reading that begins from now on. The returned function removes it.
func (m *monitor) want(n name) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted[n]++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.wanted[n]--; m.wanted[n] == 0 {
			delete(m.wanted, n)
		}
	}
}

// read returns the backlogs of the wanted consumers.
func (m *monitor) read(ctx context.Context, secrets triggers.Secrets) (outcomes, error) {
	client, err := m.currentClient(ctx, secrets)
	if err != nil {
		return nil, fmt.Errorf("read the consumers at %s: %w", m.base.Host, err)
	}
	s := &search{monitor: m, client: client, asked: map[string]bool{}, streams: map[string]bool{}}
	s.run(ctx)
	m.storeLeaders(s.found)
	all := outcomes{}
	for n, f := range s.found {
		if f.err != nil {
			f.err = fmt.Errorf("read consumer %s of stream %s at %s: %w", n.consumer, n.stream, m.base.Host, f.err)
		}
		all[n] = f.outcome
	}
	return all, nil
}

// likelyHosts returns the servers that led the wanted consumers at the last reading, and the configured one if a leader is not known.
func (m *monitor) likelyHosts() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var hosts []string
	for n := range m.wanted {
		host := m.leaders[n]
		if host == "" {
			host = m.base.Host
		}
		hosts = appendNew(hosts, host)
	}
	return hosts
}

// findings returns an empty finding for each wanted consumer.
func (m *monitor) findings() map[name]*finding {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[name]*finding, len(m.wanted))
	for n := range m.wanted {
		all[n] = &finding{}
	}
	return all
}

// storeLeaders replaces the leaders of the last reading.
func (m *monitor) storeLeaders(found map[name]*finding) {
	leaders := map[name]string{}
	for n, f := range found {
		if f.leader != "" {
			leaders[n] = f.leader
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaders = leaders
}

func (m *monitor) currentAccount() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.account
}

func (m *monitor) setAccount(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.account = key
}

// polled is the Source of one trigger that reads the monitoring endpoint. It uses a shared monitor while it runs.
type polled struct {
	config Config
	env    triggers.Env
}

// Run implements triggers.Source.
func (p *polled) Run(ctx context.Context, emit func(scalers.Event)) error {
	key := strings.Join([]string{"nats-jetstream", p.config.endpoint(), p.config.Account, strconv.FormatBool(p.config.UnsafeSSL)}, "\x00")
	if p.config.UseHTTPS {
		key += "\x00" + p.env.Credentials
	}
	m, release, err := triggers.Acquire(p.env.Pool, key, func() (*monitor, error) { return newMonitor(p.config, p.env.HTTP), nil })
	if err != nil {
		return err
	}
	defer release()
	n := name{stream: p.config.Stream, consumer: p.config.Consumer}
	defer m.want(n)()
	read := func(ctx context.Context) (outcomes, error) { return m.read(ctx, p.env.Secrets) }
	event := func(_ scalers.Instant, all outcomes) scalers.Event { return all.event(n) }
	return triggers.PollEach(triggers.PollKey{Server: p.config.NATSServerMonitoringEndpoint, Key: key}, read, event, p.env).Run(ctx, emit)
}

// event returns the event for one consumer.
func (o outcomes) event(n name) scalers.Event {
	switch of, ok := o[n]; {
	case !ok:
		return scalers.Event{Err: triggers.ErrNotRead}
	case of.err != nil:
		return scalers.Event{Err: of.err}
	default:
		return of.event()
	}
}
