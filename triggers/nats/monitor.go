package nats

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
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
	http   *http.Client

	mu sync.Mutex
	// wanted counts the triggers of each consumer.
	wanted map[name]int
	// leaders has the host and port of the leader of each consumer at the last reading.
	leaders map[name]string
	// led is the place of this reading.
	led place
	// key is the key of the account of the place keyOf, once it is known. Servers filter by it.
	key   string
	keyOf place
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
	return &monitor{config: c, http: client, wanted: map[name]int{}}
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
	at, err := m.config.place(ctx, secrets)
	if err != nil {
		return nil, fmt.Errorf("read the consumers: %w", err)
	}
	client, err := m.currentClient(ctx, secrets)
	if err != nil {
		return nil, fmt.Errorf("read the consumers at %s: %w", at.base.Host, err)
	}
	s := &search{monitor: m, at: at, client: client, asked: map[string]bool{}, streams: map[string]bool{}}
	s.run(ctx)
	m.storeLeaders(at, s.found)
	all := outcomes{}
	for n, f := range s.found {
		if f.err != nil {
			f.err = fmt.Errorf("read consumer %s of stream %s at %s: %w", n.consumer, n.stream, at.base.Host, f.err)
		}
		all[n] = f.outcome
	}
	return all, nil
}

// likelyHosts returns the servers that led the wanted consumers at the last reading, and the configured one if a leader is not known.
func (m *monitor) likelyHosts(at place) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var hosts []string
	for n := range m.wanted {
		host := at.base.Host
		if leader := m.leaders[n]; m.led == at && leader != "" {
			host = leader
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
func (m *monitor) storeLeaders(at place, found map[name]*finding) {
	leaders := map[name]string{}
	for n, f := range found {
		if f.leader != "" {
			leaders[n] = f.leader
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leaders, m.led = leaders, at
}

// currentAccount returns the key of the account of a place if it is known, and what is configured otherwise.
func (m *monitor) currentAccount(at place) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.key != "" && m.keyOf == at {
		return m.key
	}
	return at.account
}

// setAccount stores the key of the account of a place, instead of that of a place that was configured before.
func (m *monitor) setAccount(at place, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.key, m.keyOf = key, at
}

// newPolled returns the Source of one trigger that reads the monitoring endpoint. It uses a shared monitor while it runs.
func newPolled(c Config, env triggers.Env) triggers.Source {
	key := strings.Join([]string{"nats-jetstream", c.endpoint(), c.account(), strconv.FormatBool(c.UnsafeSSL)}, "\x00")
	key += "\x00" + env.Credentials // An authentication may have certificates, and name the place.
	n := name{stream: c.Stream, consumer: c.Consumer}
	event := func(_ scalers.Instant, all outcomes) scalers.Event { return all.event(n) }
	server := cmp.Or(c.NATSServerMonitoringEndpoint, "nats-jetstream "+env.Credentials)
	return triggers.WithResources(func() (triggers.Passive, func(), error) {
		m, release, err := triggers.Acquire(env.Pool, key, func() (*monitor, error) { return newMonitor(c, env.HTTP), nil })
		if err != nil {
			return nil, nil, err
		}
		forget := m.want(n)
		read := func(ctx context.Context) (outcomes, error) { return m.read(ctx, env.Secrets) }
		return triggers.PollEach(triggers.PollKey{Server: server, Key: key}, read, event, env), func() {
			forget()
			release()
		}, nil
	})
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
