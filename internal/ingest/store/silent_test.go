package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestSilentAPIServer(t *testing.T) {
	t.Run("a load that is not answered is repeated on a new connection", testLoadThatIsNotAnsweredIsRepeatedOnNewConnection)
	t.Run("no request waits longer than ten seconds", testNoRequestWaitsLongerThanTenSeconds)
	t.Run("the end of an outage is found within two seconds", testEndOfOutageIsFoundWithinTwoSeconds)
}

// connectionNumber is the key of the number of a request's connection, from 1 on.
type connectionNumber struct{}

// A proxy before the API server answers the pings of HTTP/2, although the API server behind it is gone.
func testLoadThatIsNotAnsweredIsRepeatedOnNewConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var connections atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Context().Value(connectionNumber{}) == int64(1) {
				<-r.Context().Done()
				return
			}
			_, _ = w.Write([]byte(`{"items": []}`))
		}))
		_ = server.Listener.Close()
		here := testkit.NewNetwork()
		server.Listener, server.EnableHTTP2 = here, true
		server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connectionNumber{}, connections.Add(1))
		}
		server.StartTLS()
		defer server.Close()
		k, err := NewKube(&rest.Config{Host: server.URL, Dial: here.Dial, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, "impulse", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		s, stop := begin(t, k)
		defer stop()
		<-time.After(requestTimeout)
		synctest.Wait()
		if err := s.Ready(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ready() is %v after %s, want that the deadline is exceeded", err, requestTimeout)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if err := s.Ready(); err != nil || connections.Load() != 2 {
			t.Errorf("Ready() is %v after %d connections, want nil after 2", err, connections.Load())
		}
	})
}

// roundTrip is an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// CloseIdleConnections does nothing: there are no connections.
func (roundTrip) CloseIdleConnections() {}

// kubeOver returns a Kube whose requests are answered by a function.
func kubeOver(t *testing.T, answer roundTrip) *Kube {
	t.Helper()
	k, err := NewKube(&rest.Config{Host: "http://api.test", Transport: answer}, "impulse", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testNoRequestWaitsLongerThanTenSeconds(t *testing.T) {
	unanswered := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for _, test := range []struct {
		what string
		// answered is how many requests are answered before one is not.
		answered int
		send     func(ctx context.Context, k *Kube) error
	}{
		{"the first page", 0, func(ctx context.Context, k *Kube) error { _, err := k.Load(ctx); return err }},
		{"the second page", 1, func(ctx context.Context, k *Kube) error { _, err := k.Load(ctx); return err }},
		{"one shard", 0, func(ctx context.Context, k *Kube) error { _, err := k.Load(ctx, 3); return err }},
		{"the list for a shard that is missing", 0, func(ctx context.Context, k *Kube) error { return k.served(ctx) }},
		{"a check", 0, func(ctx context.Context, k *Kube) error { _, err := k.Check(ctx); return err }},
		{"a copy that is set aside", 0, func(ctx context.Context, k *Kube) error {
			return errors.Join(k.setAside(ctx, 3, []byte("{}"), nil), context.DeadlineExceeded) // It is logged.
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			k := kubeOver(t, func(r *http.Request) (*http.Response, error) {
				if sent++; sent > test.answered {
					return unanswered(r)
				}
				w := httptest.NewRecorder()
				_, err := w.WriteString(`{"metadata": {"continue": "next"}, "items": []}`)
				return w.Result(), err
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			began := time.Now()
			if err := test.send(ctx, k); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != requestTimeout {
				t.Errorf("%s: error %v after %s, want that the deadline is exceeded after %s", test.what, err, time.Since(began), requestTimeout)
			}
		})
	}
}

func testEndOfOutageIsFoundWithinTwoSeconds(t *testing.T) {
	for _, outage := range []time.Duration{time.Second, time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			p := &memory{err: fmt.Errorf("connect to the API server: %w", net.ErrClosed)}
			s := run(t, p)
			<-time.After(outage)
			if s.Ready() == nil {
				t.Error("the store is ready during the outage")
			}
			p.fail(nil)
			<-time.After(2 * time.Second)
			synctest.Wait()
			if err := s.Ready(); err != nil {
				t.Errorf("two seconds after an outage of %s: %v, want the alerts loaded", outage, err)
			}
		})
	}
}
