package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

func TestEgress(t *testing.T) {
	t.Run("addresses that only this machine reaches are refused", testAddressesThatOnlyThisMachineReachesAreRefused)
	t.Run("the error names the flag that allows the address", testErrorNamesFlagThatAllowsAddress)
	t.Run("ranges are parsed as a flag", testRangesAreParsedAsFlag)
	t.Run("a name is checked by the addresses that it resolves to", testNameIsCheckedByAddressesThatItResolvesTo)
	t.Run("a host of another program is checked by the addresses that it resolves to", testHostOfAnotherProgramIsChecked)
	t.Run("a redirect is not followed to a refused address", testRedirectIsNotFollowedToRefusedAddress)
	t.Run("the proxy may have any address, and refused addresses stay refused behind it", testProxyMayHaveAnyAddressAndRefusedAddressesStayRefusedBehindIt)
}

func testAddressesThatOnlyThisMachineReachesAreRefused(t *testing.T) {
	for text, want := range map[string]kind{
		"10.0.0.1": none, "192.168.1.1": none, "8.8.8.8": none, "169.253.255.255": none, "fd00::1": none, "2001:db8::1": none, "::ffff:10.0.0.1": none,
		"127.0.0.1": loopback, "127.255.255.254": loopback, "::1": loopback, "::ffff:127.0.0.1": loopback, "64:ff9b::7f00:1": loopback,
		"0.0.0.0": loopback, "0.1.2.3": loopback, "::": loopback,
		"169.254.0.1": linkLocal, "169.254.169.254": linkLocal, "::ffff:169.254.169.254": linkLocal, "64:ff9b::a9fe:a9fe": linkLocal,
		"fe80::1": linkLocal, "fe80::1%eth0": linkLocal, "febf::1": linkLocal,
		"fd00:ec2::254": metadata, "fd20:ce::254": metadata, "100.100.100.200": metadata, "192.0.0.192": metadata, "168.63.129.16": metadata,
	} {
		a := netip.MustParseAddr(text)
		if got := kindOf(a); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
		if err := (&Guard{}).check(a); (err == nil) != (want == none) || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got error %v, want ErrRefused: %t", text, err, want != none)
		}
		if err := (&Guard{Local: true}).check(a); (err == nil) != (want == none || want == loopback) {
			t.Errorf("%s, with Local: got error %v, want one: %t", text, err, want != none && want != loopback)
		}
		var one Addresses
		if err := one.Set(plain(a).String()); err != nil {
			t.Fatal(err)
		}
		if err := (&Guard{Allowed: one}).check(a); err != nil {
			t.Errorf("%s, which is allowed: got error %v, want none", text, err)
		}
	}
}

func testErrorNamesFlagThatAllowsAddress(t *testing.T) {
	err := (&Guard{}).check(netip.MustParseAddr("fe80::1%eth0"))
	if err == nil || !strings.HasSuffix(err.Error(), "impulse run --allow-source-addresses fe80::1 allows it") {
		t.Errorf("got error %v, want one that ends with the flag that allows the address", err)
	}
}

func testRangesAreParsedAsFlag(t *testing.T) {
	var a Addresses
	for _, text := range []string{"127.0.0.0/8, ::1", "169.254.20.10", "fe80::1/10"} {
		if err := a.Set(text); err != nil {
			t.Error(err)
		}
	}
	if got := a.String(); got != "127.0.0.0/8,::1/128,169.254.20.10/32,fe80::/10" {
		t.Errorf("got the ranges %s, want all that were set", got)
	}
	for _, text := range []string{"", "localhost", "127.0.0.1/33", "fe80::1%eth0", "10.0.0.1,"} {
		if err := a.Set(text); err == nil {
			t.Errorf("Set(%q) returned no error, want one", text)
		}
	}
}

// server returns a server that counts its connections. It answers with a redirect to an address, or, if that is empty, with 200.
func server(t *testing.T, redirect string) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if redirect != "" {
			http.Redirect(w, r, redirect, http.StatusFound)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s, &n
}

// get requests a URL with a guard's client.
func get(t *testing.T, g *Guard, target string) error {
	t.Helper()
	client := g.Client(1, 1)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}

func testNameIsCheckedByAddressesThatItResolvesTo(t *testing.T) {
	s, n := server(t, "")
	byName := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	for _, target := range []string{s.URL, byName} {
		if err := get(t, &Guard{}, target); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: got error %v, want ErrRefused", target, err)
		}
	}
	if n.Load() != 0 {
		t.Errorf("got %d connections, want 0", n.Load())
	}
	for _, g := range []*Guard{{Local: true}, {Allowed: Addresses{netip.MustParsePrefix("127.0.0.0/8")}}} {
		if err := get(t, g, byName); err != nil {
			t.Error(err)
		}
	}
}

func testRedirectIsNotFollowedToRefusedAddress(t *testing.T) {
	s, n := server(t, "http://127.0.0.2:9/")
	err := get(t, &Guard{Allowed: Addresses{netip.MustParsePrefix("127.0.0.1/32")}}, s.URL)
	if !errors.Is(err, ErrRefused) || n.Load() != 1 {
		t.Errorf("got %d connections and error %v, want 1 and ErrRefused", n.Load(), err)
	}
}

func testProxyMayHaveAnyAddressAndRefusedAddressesStayRefusedBehindIt(t *testing.T) {
	s, n := server(t, "")
	via, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := &Guard{environment: func(*http.Request) (*url.URL, error) { return via, nil }}
	if err := get(t, g, "http://prometheus.example/"); err != nil || n.Load() != 1 {
		t.Errorf("got %d connections to the proxy and error %v, want 1 and none", n.Load(), err)
	}
	for _, target := range []string{"http://169.254.169.254/", "http://[fe80::1]/", "http://127.0.0.1:1/"} {
		if err := get(t, g, target); !errors.Is(err, ErrRefused) || n.Load() != 1 {
			t.Errorf("%s: got %d connections to the proxy and error %v, want still 1, and ErrRefused", target, n.Load(), err)
		}
	}
}

func testHostOfAnotherProgramIsChecked(t *testing.T) {
	g := &Guard{}
	for host, refused := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "169.254.169.254": true, "::1": true, "10.0.0.1": false, "nobody.invalid": false, "": false,
	} {
		if err := g.CheckHost(t.Context(), host); errors.Is(err, ErrRefused) != refused {
			t.Errorf("%q: got the error %v, want one: %t", host, err, refused)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.CheckHost(ctx, "localhost.example"); err == nil {
		t.Error("after the end of the context: got no error, want one: the name is not known to be allowed")
	}
}
