package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// ErrRefused is returned for an address to which triggers may not connect.
var ErrRefused = errors.New("refused as the address of a source")

// connectTimeout bounds one attempt to connect, as http.DefaultTransport does.
const connectTimeout = 30 * time.Second

// Guard opens the connections of triggers. It refuses link-local addresses, the metadata services of clouds and, unless Local is true,
// this machine. The zero value is ready for use.
type Guard struct {
	// Local allows connections to this machine, for objects that the operator of this machine writes.
	Local bool
	// Allowed are ranges that are allowed in any case.
	Allowed Addresses

	// environment returns the proxy of a request; nil is http.ProxyFromEnvironment.
	environment func(*http.Request) (*url.URL, error)
	// proxies are the addresses of the proxies in the environment of this process, two at most. The operator chose them, so they are
	// not refused.
	proxies sync.Map
}

// Dial opens a connection. It returns an error that wraps ErrRefused for an address that is refused.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: connectTimeout}
	if _, ok := g.proxies.Load(address); !ok {
		d.Control = g.control
	}
	return d.DialContext(ctx, network, address)
}

// control checks an address after its name was resolved, and before the connection is opened.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return g.check(a.Addr())
}

// check returns an error that wraps ErrRefused for an address that is refused.
func (g *Guard) check(a netip.Addr) error {
	why := kindOf(a)
	if why == none || why == loopback && g.Local || g.Allowed.contain(a) {
		return nil
	}
	return fmt.Errorf("%w: %s %s; impulse run --allow-source-addresses %s allows it", ErrRefused, a, why, plain(a))
}

// CheckHost returns an error that wraps ErrRefused for a name or an address to which Dial would not connect, if one of its addresses is
// refused. It is for connections that another program opens, which may resolve the name to another address. A name without an address is
// allowed: nobody can connect to it.
func (g *Guard) CheckHost(ctx context.Context, host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		return g.check(a)
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("resolve %s: %w", host, context.Cause(ctx))
	}
	for _, a := range addresses {
		if err := g.check(a); err != nil {
			return err
		}
	}
	return nil
}

// Client returns an HTTP client that opens its connections with the guard. If a proxy is set, the proxy resolves names and connects; the
// guard then checks only addresses that the URL contains literally.
func (g *Guard) Client(idle, idlePerHost int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy: g.proxy, DialContext: g.Dial, ForceAttemptHTTP2: true,
		MaxIdleConns: idle, MaxIdleConnsPerHost: idlePerHost,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: time.Second,
	}}
}

// proxy returns the proxy for a request, by the environment of this process.
func (g *Guard) proxy(r *http.Request) (*url.URL, error) {
	environment := g.environment
	if environment == nil {
		environment = http.ProxyFromEnvironment
	}
	via, err := environment(r)
	if via == nil || err != nil {
		return nil, err
	}
	if a, err := netip.ParseAddr(r.URL.Hostname()); err == nil {
		if err := g.check(a); err != nil {
			return nil, err
		}
	}
	g.proxies.LoadOrStore(authority(via), true)
	return via, nil
}

// authority returns the address of a proxy.
func authority(via *url.URL) string {
	port := via.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[via.Scheme]
	}
	return net.JoinHostPort(via.Hostname(), port)
}
