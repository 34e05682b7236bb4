package httpserver

import (
	"net"
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
)

func TestConnections(t *testing.T) {
	t.Run("the idle connection that is idle longest is closed first", testIdleConnectionThatIsIdleLongestIsClosedFirst)
	t.Run("without idle connections the owner of the most loses its oldest", testWithoutIdleConnectionsOwnerOfMostLosesItsOldest)
	t.Run("a connection with a request in progress is not closed", testConnectionWithRequestInProgressIsNotClosed)
	t.Run("an address has at most half of the connections, and authenticated ones are accepted", testAddressHasAtMostHalfOfConnectionsAndAuthenticatedOnesAreAccepted)
	t.Run("an IPv6 address counts as its network", testIPv6AddressCountsAsItsNetwork)
}

// caller is one end of a connection, which knows whether it was closed.
type caller struct {
	net.Conn

	from   string
	closed bool
}

func (c *caller) RemoteAddr() net.Addr {
	address, err := net.ResolveTCPAddr("tcp", c.from)
	if err != nil {
		panic(err)
	}
	return address
}

func (c *caller) Close() error {
	c.closed = true
	return nil
}

// room is a listener with room for a few connections, without a server.
type room struct {
	t *testing.T
	*connections

	// requests are what comes by each connection.
	requests map[*caller]*http.Request
}

func newRoom(t *testing.T, limit int) *room {
	t.Helper()
	closed := prometheus.NewCounter(prometheus.CounterOpts{Name: "closed_total", Help: "Closed."})
	return &room{t, newConnections(limit, closed), map[*caller]*http.Request{}}
}

// call opens a connection from an address.
func (r *room) call(from string) *caller {
	r.t.Helper()
	c := &caller{from: from}
	request, err := http.NewRequestWithContext(r.onOpen(r.t.Context(), c), http.MethodPost, "/", http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	r.requests[c] = request
	r.onStateChange(c, http.StateNew)
	return c
}

// request begins a request on a connection, and returns what its handler sees of that.
func (r *room) request(c *caller) *connection {
	r.onStateChange(c, http.StateActive)
	return connectionOf(r.requests[c])
}

// expect fails the test unless just these connections were closed.
func (r *room) expect(which ...*caller) {
	r.t.Helper()
	for _, c := range which {
		if !c.closed {
			r.t.Errorf("the connection of %s is not closed", c.from)
		}
	}
	n := 0
	for c := range r.requests {
		if c.closed {
			n++
		}
	}
	if n != len(which) || testutil.ToFloat64(r.closed) != float64(n) {
		r.t.Errorf("%d are closed, and %v counted: %d were expected", n, testutil.ToFloat64(r.closed), len(which))
	}
}

func testIdleConnectionThatIsIdleLongestIsClosedFirst(t *testing.T) {
	r := newRoom(t, 4)
	old, second := r.call("10.0.0.1:1"), r.call("10.0.0.2:1")
	r.request(second)
	r.onStateChange(second, http.StateIdle)
	r.request(old)
	r.onStateChange(old, http.StateIdle)
	r.call("10.0.0.3:1")
	r.call("10.0.0.4:1")
	r.expect()
	r.call("10.0.0.5:1")
	r.expect(second)
	r.call("10.0.0.6:1")
	r.expect(second, old)
}

func testWithoutIdleConnectionsOwnerOfMostLosesItsOldest(t *testing.T) {
	r := newRoom(t, 8)
	shop, lone := r.call("10.0.0.1:1"), r.call("10.0.0.2:1")
	r.request(shop).onAuthenticated(auth.Principal{Name: "shop"})
	var bank []*caller
	for range 4 {
		c := r.call("10.0.0.3:1")
		r.request(c).onAuthenticated(auth.Principal{Name: "bank"})
		bank = append(bank, c)
	}
	r.call("10.0.0.4:1")
	r.call("10.0.0.4:2")
	r.expect()
	r.call("10.0.0.5:1")
	r.expect(bank[0])
	r.onStateChange(lone, http.StateClosed)
	r.call("10.0.0.6:1")
	r.expect(bank[0])
	r.call("10.0.0.7:1")
	r.expect(bank[0], bank[1])
}

func testConnectionWithRequestInProgressIsNotClosed(t *testing.T) {
	r := newRoom(t, 2)
	for _, from := range []string{"10.0.0.1:1", "10.0.0.1:2"} {
		c := r.call(from)
		r.request(c).onArrival()
	}
	late := r.call("10.0.0.2:1")
	r.expect(late)
	r.request(late).onArrival()
	r.request(late).onAuthenticated(auth.Principal{Name: "late"})
	r.onStateChange(late, http.StateClosed)
	if len(r.all) != 2 || len(r.closable) != 0 {
		t.Errorf("got %d are open, and %v can be closed; want 2, 0", len(r.all), r.closable)
	}
}

func testAddressHasAtMostHalfOfConnectionsAndAuthenticatedOnesAreAccepted(t *testing.T) {
	r := newRoom(t, 8)
	var anonymous []*caller
	for range 4 {
		anonymous = append(anonymous, r.call("10.0.0.1:1"))
	}
	r.expect()
	shop := r.call("10.0.0.1:2") // By the same proxy.
	r.expect(anonymous[0])
	r.request(shop).onAuthenticated(auth.Principal{Name: "shop"})
	for range 4 {
		anonymous = append(anonymous, r.call("10.0.0.1:3"))
	}
	r.expect(anonymous[0], anonymous[1], anonymous[2], anonymous[3])
	if shop.closed {
		t.Error("what has authenticated is closed")
	}
	var bank []*caller
	for range 5 {
		c := r.call("10.0.0.2:1")
		r.request(c).onAuthenticated(auth.Principal{Name: "bank"})
		bank = append(bank, c)
	}
	if !bank[0].closed || bank[4].closed || shop.closed {
		t.Error("a credential has more than half, or took it from another one")
	}
}

func testIPv6AddressCountsAsItsNetwork(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"[2001:db8::1]:1", "[2001:db8::2]:2", true},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
		{"10.0.0.1:1", "10.0.0.1:2", true},
		{"10.0.0.1:1", "10.0.0.2:1", false},
	} {
		if a, b := addressOf(&caller{from: c.a}), addressOf(&caller{from: c.b}); (a == b) != c.same || !a.IsValid() {
			t.Errorf("%s is %s, and %s is %s", c.a, a, c.b, b)
		}
	}
}
