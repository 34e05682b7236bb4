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

// connections limits the connections to one listener. Every connection is accepted; when there are too many, one is closed: an idle
// one first, then one whose request has not arrived whole, then the new one itself. Among several it is the oldest of the owner that
// has most of them. A connection whose request is being handled is never closed.
//
// The owner is the principal of the last authenticated request, or else the remote address. An owner has at most half of all
// connections, not counting those whose request is being handled: a newer one replaces its oldest. A connection through a proxy or NAT
// whose address is at its limit is therefore accepted as well, and stays once it has authenticated.
type connections struct {
	limit  int
	closed prometheus.Counter

	mu  sync.Mutex
	all map[net.Conn]*connection
	// closable is the number of connections of each owner whose request is not being handled.
	closable map[owner]int
	// changes numbers the changes of state.
	changes uint64
}

// owner is an address or a principal; the other one is zero.
type owner struct {
	address   netip.Prefix
	principal auth.Principal
}

// connState is the state of a connection. Connections in an earlier state are closed first.
type connState int

const (
	connIdle connState = iota
	// connArriving: the handshake, the header or the body is arriving.
	connArriving
	connHandling
)

// connection is one connection. The methods of a nil connection do nothing: tests without a listener have none.
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

// connectionOf returns the connection of a request.
func connectionOf(r *http.Request) *connection {
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}

// onOpen is the ConnContext of the server: it adds a connection, and closes another one if there are too many.
func (a *connections) onOpen(ctx context.Context, conn net.Conn) context.Context {
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

// onStateChange is the ConnState of the server.
func (a *connections) onStateChange(conn net.Conn, state http.ConnState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.all[conn]
	switch {
	case c == nil: // It was closed because there were too many.
	case state == http.StateActive:
		c.setState(c.owner, connArriving)
	case state == http.StateIdle:
		c.setState(c.owner, connIdle)
	case state == http.StateClosed || state == http.StateHijacked:
		a.remove(c)
	}
}

// onAuthenticated makes a principal the owner of a connection.
func (c *connection) onAuthenticated(p auth.Principal) {
	if c == nil {
		return
	}
	a := c.among
	a.mu.Lock()
	var excess *connection
	if a.all[c.conn] == c {
		c.setState(owner{principal: p}, c.state)
		excess = a.excess(c.owner)
		a.remove(excess)
	}
	a.mu.Unlock()
	a.close(excess)
}

// onArrival is called when a request has arrived whole. Its connection is not closed before it is answered.
func (c *connection) onArrival() {
	if c == nil {
		return
	}
	c.among.mu.Lock()
	defer c.among.mu.Unlock()
	if c.among.all[c.conn] == c {
		c.setState(c.owner, connHandling)
	}
}

// setState sets the owner and the state of a connection. The caller holds mu.
func (c *connection) setState(o owner, state connState) {
	c.among.count(c, -1)
	c.owner, c.state = o, state
	c.among.count(c, 1)
}

// count adds n, 1 or -1, to the connections of an owner. The caller holds mu.
func (a *connections) count(c *connection, n int) {
	a.changes++
	c.since = a.changes
	if c.state == connHandling {
		return
	}
	if a.closable[c.owner] += n; a.closable[c.owner] == 0 {
		delete(a.closable, c.owner)
	}
}

// excess returns the connection to close if an owner has too many, and otherwise nil. The caller holds mu.
func (a *connections) excess(o owner) *connection {
	if a.closable[o] <= a.limit/2 {
		return nil
	}
	return a.oldest(func(c *connection) bool { return c.owner == o })
}

// oldest returns the connection to close first among those for which of is true. The caller holds mu.
func (a *connections) oldest(of func(*connection) bool) *connection {
	var first *connection
	for _, c := range a.all {
		if of(c) && (first == nil || a.before(c, first)) {
			first = c
		}
	}
	return first
}

// before reports whether c is closed before other. The caller holds mu.
func (a *connections) before(c, other *connection) bool {
	if c.state != other.state {
		return c.state < other.state
	}
	if n, m := a.closable[c.owner], a.closable[other.owner]; n != m {
		return n > m
	}
	return c.since < other.since
}

// remove removes a connection; nil is none. The caller holds mu.
func (a *connections) remove(c *connection) {
	if c != nil {
		a.count(c, -1)
		delete(a.all, c.conn)
	}
}

// close closes a connection that was removed; nil is none. It closes the socket below TLS, as closing TLS would wait for a client
// that has stopped reading.
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

// addressOf returns the remote address; for IPv6 it is the network of 64 bits, which usually belongs to one host.
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
