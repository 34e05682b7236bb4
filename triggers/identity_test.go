package triggers

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestIdentity(t *testing.T) {
	t.Run("error identity", testErrorIdentity)
}

func testErrorIdentity(t *testing.T) {
	reset := func(port int) error {
		return fmt.Errorf("query: %w", &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: port}, Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 9090},
			Err: os.NewSyscallError("read", syscall.ECONNRESET),
		})
	}
	lookup := func(port int) error {
		return &net.DNSError{Err: fmt.Sprintf("read udp 10.0.0.1:%d->10.0.0.10:53: i/o timeout", port), Name: "prometheus", Server: "10.0.0.10:53", IsTimeout: true}
	}
	missing := errors.New("metrics-server does not know pod web-1")
	for name, c := range map[string]struct {
		a, b error
		same bool
	}{
		"another local port":        {reset(40001), reset(40002), true},
		"another error of a server": {reset(40001), fmt.Errorf("query: %w", syscall.ECONNREFUSED), false},
		"another port of a lookup":  {lookup(40001), lookup(40002), true},
		"a lookup that finds none":  {lookup(40001), &net.DNSError{Err: "no such host", Name: "prometheus", Server: "10.0.0.10:53", IsNotFound: true}, false},
		"another reading":           {fmt.Errorf("q: %w", VaryingErrorf("negative: %d", -1)), fmt.Errorf("q: %w", VaryingErrorf("negative: %d", -2)), true},
		"another query":             {fmt.Errorf("q: %w", VaryingErrorf("negative: %d", -1)), fmt.Errorf("p: %w", VaryingErrorf("negative: %d", -1)), false},
		"another number":            {errors.New("it answered 502"), errors.New("it answered 403"), false},
		"another cause": {
			VaryingErrorf("of %d pods none is measured: %w", 3, missing), VaryingErrorf("of %d pods none is measured: %w", 4, syscall.ECONNREFUSED), false,
		},
		"one cause more often": {VaryingErrorf("of %d pods none is measured: %w", 3, missing), VaryingErrorf("of %d pods none is measured: %w", 4, missing), true},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := ErrorIdentity(c.a), ErrorIdentity(c.b); (a == b) != c.same {
				t.Errorf("%v is %q and %v is %q: same = %t, want %t", c.a, a, c.b, b, a == b, c.same)
			}
		})
	}
	if err := VaryingErrorf("of %d pods: %w", 3, missing); err.Error() != "of 3 pods: "+missing.Error() || !errors.Is(err, missing) {
		t.Errorf("got %v, want the text with its reading, which wraps %v", err, missing)
	}
}
