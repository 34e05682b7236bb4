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

// fakeConn is a connection from an address, which records whether it was closed.
type fakeConn struct {
	net.Conn

	from   string
	closed bool
}

func (c *fakeConn) RemoteAddr() net.Addr {
	address, err := net.ResolveTCPAddr("tcp", c.from)
	if err != nil {
		panic(err)
	}
	return address
}

func (c *fakeConn) Close() error {
	c.closed = true
	return nil
}

// fakeListener accepts a few connections, without a server.
type fakeListener struct {
	t *testing.T
	*connections

	// requests has the request of each connection.
	requests map[*fakeConn]*http.Request
}

func newFakeListener(t *testing.T, limit int) *fakeListener {
	t.Helper()
	closed := prometheus.NewCounter(prometheus.CounterOpts{Name: "closed_total", Help: "Closed."})
	return &fakeListener{t, newConnections(limit, closed), map[*fakeConn]*http.Request{}}
}

// connect opens a connection from an address.
func (r *fakeListener) connect(from string) *fakeConn {
	r.t.Helper()
	c := &fakeConn{from: from}
	request, err := http.NewRequestWithContext(r.onOpen(r.t.Context(), c), http.MethodPost, "/", http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	r.requests[c] = request
	r.onStateChange(c, http.StateNew)
	return c
}

// request starts a request on a connection, and returns the connection as a handler sees it.
func (r *fakeListener) request(c *fakeConn) *connection {
	r.onStateChange(c, http.StateActive)
	return connectionOf(r.requests[c])
}

// expectClosed fails the test unless exactly these connections were closed.
func (r *fakeListener) expectClosed(which ...*fakeConn) {
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
		r.t.Errorf("%d connections are closed, and %v are counted; want %d", n, testutil.ToFloat64(r.closed), len(which))
	}
}

func testIdleConnectionThatIsIdleLongestIsClosedFirst(t *testing.T) {
	r := newFakeListener(t, 4)
	old, second := r.connect("10.0.0.1:1"), r.connect("10.0.0.2:1")
	r.request(second)
	r.onStateChange(second, http.StateIdle)
	r.request(old)
	r.onStateChange(old, http.StateIdle)
	r.connect("10.0.0.3:1")
	r.connect("10.0.0.4:1")
	r.expectClosed()
	r.connect("10.0.0.5:1")
	r.expectClosed(second)
	r.connect("10.0.0.6:1")
	r.expectClosed(second, old)
}

func testWithoutIdleConnectionsOwnerOfMostLosesItsOldest(t *testing.T) {
	r := newFakeListener(t, 8)
	shop, lone := r.connect("10.0.0.1:1"), r.connect("10.0.0.2:1")
	r.request(shop).onAuthenticated(auth.Principal{Name: "shop"})
	var bank []*fakeConn
	for range 4 {
		c := r.connect("10.0.0.3:1")
		r.request(c).onAuthenticated(auth.Principal{Name: "bank"})
		bank = append(bank, c)
	}
	r.connect("10.0.0.4:1")
	r.connect("10.0.0.4:2")
	r.expectClosed()
	r.connect("10.0.0.5:1")
	r.expectClosed(bank[0])
	r.onStateChange(lone, http.StateClosed)
	r.connect("10.0.0.6:1")
	r.expectClosed(bank[0])
	r.connect("10.0.0.7:1")
	r.expectClosed(bank[0], bank[1])
}

func testConnectionWithRequestInProgressIsNotClosed(t *testing.T) {
	r := newFakeListener(t, 2)
	for _, from := range []string{"10.0.0.1:1", "10.0.0.1:2"} {
		c := r.connect(from)
		r.request(c).onArrival()
	}
	late := r.connect("10.0.0.2:1")
	r.expectClosed(late)
	r.request(late).onArrival()
	r.request(late).onAuthenticated(auth.Principal{Name: "late"})
	r.onStateChange(late, http.StateClosed)
	if len(r.all) != 2 || len(r.closable) != 0 {
		t.Errorf("got %d are open, and %v can be closed; want 2, 0", len(r.all), r.closable)
	}
}

func testAddressHasAtMostHalfOfConnectionsAndAuthenticatedOnesAreAccepted(t *testing.T) {
	r := newFakeListener(t, 8)
	var anonymous []*fakeConn
	for range 4 {
		anonymous = append(anonymous, r.connect("10.0.0.1:1"))
	}
	r.expectClosed()
	shop := r.connect("10.0.0.1:2") // By the same proxy.
	r.expectClosed(anonymous[0])
	r.request(shop).onAuthenticated(auth.Principal{Name: "shop"})
	for range 4 {
		anonymous = append(anonymous, r.connect("10.0.0.1:3"))
	}
	r.expectClosed(anonymous[0], anonymous[1], anonymous[2], anonymous[3])
	if shop.closed {
		t.Error("what has authenticated is closed")
	}
	var bank []*fakeConn
	for range 5 {
		c := r.connect("10.0.0.2:1")
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
		if a, b := addressOf(&fakeConn{from: c.a}), addressOf(&fakeConn{from: c.b}); (a == b) != c.same || !a.IsValid() {
			t.Errorf("%s is %s, and %s is %s", c.a, a, c.b, b)
		}
	}
}
