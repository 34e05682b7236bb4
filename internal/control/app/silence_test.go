package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestSilence(t *testing.T) {
	t.Run("a connection to the API server that has become silent is replaced within 20 seconds", testConnectionThatHasBecomeSilentIsReplacedWithin20Seconds)
	t.Run("the variables of the environment are kept", testVariablesOfEnvironmentAreKept)
}

// mutable is a connection on which nothing arrives once muted is closed.
type mutable struct {
	net.Conn

	muted chan struct{}
}

// Read implements net.Conn.
func (c mutable) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		select {
		case <-c.muted:
			if err != nil {
				return 0, err
			}
		default:
			return n, err
		}
	}
}

// unset removes the variables of silence until the end of the test.
func unset(t *testing.T) {
	t.Helper()
	for name := range silence {
		t.Setenv(name, "") // It is restored at the end.
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
}

// serve starts a server over HTTP/2 that responds to every request. It returns a client for it whose connections pass through wrap.
func serve(t *testing.T, wrap func(net.Conn) net.Conn) (client *http.Client, address string, stop func()) {
	t.Helper()
	server, network := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), testkit.NewNetwork()
	_ = server.Listener.Close()
	server.Listener, server.EnableHTTP2 = network, true
	server.StartTLS()
	dial := func(ctx context.Context, of, address string) (net.Conn, error) {
		c, err := network.Dial(ctx, of, address)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	}
	client, err := rest.HTTPClientFor(&rest.Config{Host: server.URL, Dial: dial, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
	if err != nil {
		t.Fatal(err)
	}
	return client, server.URL, server.Close
}

func testConnectionThatHasBecomeSilentIsReplacedWithin20Seconds(t *testing.T) {
	unset(t)
	if err := limitSilence(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		dialed, muted := 0, make(chan struct{})
		client, address, stop := serve(t, func(c net.Conn) net.Conn {
			if dialed++; dialed == 1 {
				return mutable{c, muted}
			}
			return c
		})
		defer stop()
		get := func() error {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
			if err != nil {
				return err
			}
			answer, err := client.Do(r)
			if err != nil {
				return err
			}
			return answer.Body.Close()
		}
		if err := get(); err != nil {
			t.Fatal(err)
		}
		close(muted)
		began := time.Now()
		if err := get(); err == nil || time.Since(began) > 20*time.Second {
			t.Errorf("on a silent connection: error %v after %s, want one within 20s", err, time.Since(began))
		}
		if err := get(); err != nil || dialed != 2 {
			t.Errorf("the next request: error %v, %d connections; want none, and the second connection", err, dialed)
		}
	})
}

func testVariablesOfEnvironmentAreKept(t *testing.T) {
	unset(t)
	t.Setenv("HTTP2_PING_TIMEOUT_SECONDS", "7")
	if err := limitSilence(); err != nil {
		t.Fatal(err)
	}
	if idle, ping := os.Getenv("HTTP2_READ_IDLE_TIMEOUT_SECONDS"), os.Getenv("HTTP2_PING_TIMEOUT_SECONDS"); idle != "10" || ping != "7" {
		t.Errorf("the variables are %q and %q, want 10, and 7 as before", idle, ping)
	}
}
