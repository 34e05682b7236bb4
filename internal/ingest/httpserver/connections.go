package httpserver

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

// connections bounds the connections to one listener. Nobody waits to be accepted: when there are too many, one is closed to
// make room. Idle ones go first, then those whose request has not arrived whole, then the new one itself; of each kind the
// oldest of the owner that has most of them. One whose request is worked on is never closed.
//
// An owner is the principal that the last request has authenticated as, or else the remote address. Each has at most half of
// all connections, not counting those whose request is worked on: a newer one replaces its oldest. So a connection through a
// proxy or NAT whose address is at its bound gets in as well, and stays once it has authenticated.
type connections struct {
	limit  int
	closed prometheus.Counter

	mu  sync.Mutex
	all map[net.Conn]*connection
	// closable are the connections of each owner whose request is not worked on.
	closable map[owner]int
	// changes numbers the changes of state.
	changes uint64
}

// owner is what connections are counted by: an address or a principal, the other one is zero.
type owner struct {
	address   netip.Prefix
	principal auth.Principal
}

// connState is what a connection is doing; those that are closed first come first.
type connState int

const (
	connIdle connState = iota
	// connArriving: the handshake, the header or the body is on its way.
	connArriving
	connWorking
)

// connection is one of them. Its methods do nothing where it is nil: in tests without a listener.
type connection struct {
	conn  net.Conn
	among *connections
	// The fields below are guarded by among.mu.
	owner owner
	state connState
	// since is the number of the change that led to the state.
	since uint64
}

type connectionKey struct{}

func newConnections(limit int, closed prometheus.Counter) *connections {
	return &connections{limit: limit, closed: closed, all: map[net.Conn]*connection{}, closable: map[owner]int{}}
}

// connectionOf returns the connection that a request came by.
func connectionOf(r *http.Request) *connection {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}

// opened is the server's ConnContext: it takes a connection in, and makes room for it.
func (a *connections) opened(ctx context.Context, conn net.Conn) context.Context {
	c := &connection{conn: conn, among: a, owner: owner{address: addressOf(conn)}, state: connArriving}
	a.mu.Lock()
	a.all[conn] = c
	a.count(c, 1)
	excess := a.excess(c.owner)
	if excess == nil && len(a.all) > a.limit {
		excess = a.oldest(func(*connection) bool { return true })
	}
	a.remove(excess)
	a.mu.Unlock()
	a.close(excess)
	return context.WithValue(ctx, connectionKey{}, c)
}

// changed is the server's ConnState.
func (a *connections) changed(conn net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.all[conn]
	switch {
	case c == nil: // It was closed to make room.
	case state == http.StateActive:
		c.enter(c.owner, connArriving)
	case state == http.StateIdle:
		c.enter(c.owner, connIdle)
	case state == http.StateClosed || state == http.StateHijacked:
		a.remove(c)
	}
}

// authenticated makes a connection one of a principal.
func (c *connection) authenticated(p auth.Principal) {
	if c == nil {
		return
	}
	a := c.among
	a.mu.Lock()
	var excess *connection
	if a.all[c.conn] == c {
		c.enter(owner{principal: p}, c.state)
		excess = a.excess(c.owner)
		a.remove(excess)
	}
	a.mu.Unlock()
	a.close(excess)
}

// arrived says that the request has arrived whole: the connection is not closed before it is answered.
func (c *connection) arrived() {
	if c == nil {
		return
	}
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	if c.among.all[c.conn] == c {
		c.enter(c.owner, connWorking)
	}
}

// enter changes the state and the owner of a connection. The caller holds mu.
func (c *connection) enter(o owner, state connState) {
	c.among.count(c, -1)
	c.owner, c.state = o, state
	c.among.count(c, 1)
}

// count adds a connection to those of its owner, with n = 1, or takes it away, with n = -1. The caller holds mu.
func (a *connections) count(c *connection, n int) {
	a.changes++
	c.since = a.changes
	if c.state == connWorking {
		return
	}
	if a.closable[c.owner] += n; a.closable[c.owner] == 0 {
		delete(a.closable, c.owner)
	}
}

// excess returns the connection of an owner that is one too many, or nil. The caller holds mu.
func (a *connections) excess(o owner) *connection {
	if a.closable[o] <= a.limit/2 {
		return nil
	}
	return a.oldest(func(c *connection) bool { return c.owner == o })
}

// oldest returns which of some connections is closed first: one whose request is worked on only when there is no other. The
// caller holds mu.
func (a *connections) oldest(of func(*connection) bool) *connection {
	var first *connection
	for _, c := range a.all {
		if of(c) && (first == nil || a.before(c, first)) {
			first = c
		}
	}
	return first
}

// before reports whether one connection is closed before another. The caller holds mu.
func (a *connections) before(c, other *connection) bool {
	if c.state != other.state {
		return c.state < other.state
	}
	if n, m := a.closable[c.owner], a.closable[other.owner]; n != m {
		return n > m
	}
	return c.since < other.since
}

// remove forgets a connection; nil is none. The caller holds mu.
func (a *connections) remove(c *connection) {
	if c != nil {
		a.count(c, -1)
		delete(a.all, c.conn)
	}
}

// close closes a connection that was removed; nil is none. A client that has stopped reading does not hold it up: TLS would
// say goodbye first.
func (a *connections) close(c *connection) {
	if c == nil {
		return
	}
	a.closed.Inc()
	conn := c.conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

// addressOf is the remote address, of IPv6 the network of 64 bits that usually is one host.
func addressOf(conn net.Conn) netip.Prefix {
	remote, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}
	}
	ip := remote.Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
