package httpserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestStream(t *testing.T) {
	t.Run("events arrive as they are sent, beyond the time limits of requests", testEventsArriveAsTheyAreSent)
	t.Run("a client that reads too slowly is told so", testClientThatReadsTooSlowlyIsToldSo)
	t.Run("a stream ends when its credential does", testStreamEndsWhenItsCredentialDoes)
	t.Run("the number of streams is limited", testNumberOfStreamsIsLimited)
	t.Run("a leader that stops leading says so", testLeaderThatStopsLeadingSaysSo)
	t.Run("a server that stops ends its streams", testServerThatStopsEndsItsStreams)
	t.Run("a follower copies the events of the leader", testFollowerCopiesEventsOfLeader)
}

// runServer runs a server, and returns its URL and a function that stops it.
func runServer(t *testing.T, change func(*Options)) (url string, s *Server, stop func() error) {
	t.Helper()
	_, s = serve(t, &record{}, change)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return "http://" + s.Addr(), s, stop
}

// openStream opens a stream of all objects, and returns a function that returns the next line that is not empty; "" at the end.
func openStream(t *testing.T, url string) func() string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/scaledobjects/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %d %v, want a stream of events", response.StatusCode, response.Header)
	}
	lines := bufio.NewScanner(response.Body)
	return func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		return ""
	}
}

// pipes is a listener in memory, for virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

// watchFor sends an event every ten seconds, n in all.
func watchFor(n int) func(context.Context, func(string, []byte) error) error {
	return func(ctx context.Context, send func(string, []byte) error) error {
		for i := range n {
			if err := errors.Join(ctx.Err(), send("update", fmt.Append(nil, i))); err != nil {
				return err
			}
			<-time.After(10 * time.Second)
		}
		return errStopping
	}
}

func testEventsArriveAsTheyAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := serve(t, &record{}, func(o *Options) { o.Live = &fakeLive{watch: watchFor(100)} })
		listener := &pipes{make(chan net.Conn), make(chan struct{})}
		go func() { _ = s.http.Serve(listener) }()
		client, server := net.Pipe()
		listener.conns <- server
		if _, err := client.Write([]byte("GET /v1/scaledobjects/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		lines, began, events := bufio.NewScanner(client), time.Now(), 0
		for lines.Scan() {
			if lines.Text() != fmt.Sprintf("data: %d", events) {
				continue
			}
			if at := time.Since(began); at != time.Duration(events)*10*time.Second {
				t.Errorf("event %d arrived after %s", events, at)
			}
			events++
		}
		if events != 100 {
			t.Errorf("got %d events, want 100: a limit of requests ended the stream", events)
		}
		_ = client.Close()
		if err := s.http.Close(); err != nil {
			t.Error(err)
		}
	})
}

// slowWriter is a client that takes a while for each write.
type slowWriter struct {
	*httptest.ResponseRecorder

	takes time.Duration
}

func (w *slowWriter) Write(text []byte) (int, error) {
	<-time.After(w.takes)
	return w.ResponseRecorder.Write(text)
}

// watchForever sends an event each second.
func watchForever(ctx context.Context, send func(string, []byte) error) error {
	for ctx.Err() == nil {
		if err := send("update", []byte("{}")); err != nil {
			return err
		}
		<-time.After(time.Second)
	}
	return ctx.Err()
}

func testClientThatReadsTooSlowlyIsToldSo(t *testing.T) {
	for takes, slow := range map[time.Duration]bool{4 * time.Second: false, 6 * time.Second: true} {
		synctest.Test(t, func(t *testing.T) {
			h, s := serve(t, &record{}, func(o *Options) { o.Live = &fakeLive{watch: watchForever} })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			w := &slowWriter{httptest.NewRecorder(), takes}
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/scaledobjects/stream", http.NoBody)
			r.Host = "localhost"
			h.ServeHTTP(w, r)
			if got := strings.Contains(w.Body.String(), "event: bye\ndata: {\"message\":\"the client reads too slowly\",\"reason\":\"slow\"}\n\n"); got != slow {
				t.Errorf("a client that takes %s: told %v, want %v", takes, got, slow)
			}
			if n := testutil.ToFloat64(s.metrics.streamsEnded.WithLabelValues("slow")); (n == 1) != slow {
				t.Errorf("a client that takes %s: %v streams ended because of that", takes, n)
			}
		})
	}
}

func testStreamEndsWhenItsCredentialDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		_, s := serve(t, &record{}, func(o *Options) { o.Live = &fakeLive{watch: watchForever} })
		e := echo.New()
		s.addLiveRoutes(e, map[string]string{}, "", func(*http.Request) (reader, error) {
			if revoked.Load() {
				return reader{}, auth.ErrUnauthenticated
			}
			return reader{}, nil
		})
		time.AfterFunc(30*time.Second, func() { revoked.Store(true) })
		began := time.Now()
		w := send(t, e, http.MethodGet, "/v1/scaledobjects/stream", http.NoBody, "")
		if lasted := time.Since(began); lasted < 30*time.Second || lasted > 30*time.Second+checkInterval || !strings.Contains(w.Body.String(), `"reason":"credential"`) {
			t.Errorf("the stream lasted %s, want until the first check after 30s, and the reason", lasted)
		}
	})
}

func testNumberOfStreamsIsLimited(t *testing.T) {
	url, s, _ := runServer(t, func(o *Options) {
		o.Live = &fakeLive{watch: func(ctx context.Context, send func(string, []byte) error) error {
			err := send("snapshot", []byte("{}"))
			<-ctx.Done()
			return errors.Join(err, ctx.Err())
		}}
	})
	for range maxStreams / 2 {
		openStream(t, url)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/scaledobjects/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("got %d for one stream too many, want 503", response.StatusCode)
	}
	if n := testutil.ToFloat64(s.metrics.limited.WithLabelValues("objects-stream", "streams")); n != 1 {
		t.Errorf("got %v refused streams, want 1", n)
	}
	if !s.streams.acquire(auth.PrincipalOf("another", "")) {
		t.Error("another principal has no stream left")
	}
}

func testLeaderThatStopsLeadingSaysSo(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) {
		o.Live = &fakeLive{watch: func(_ context.Context, send func(string, []byte) error) error {
			return errors.Join(send("snapshot", []byte("{}")), errors.New("this replica does not lead any more"))
		}}
	})
	w := read200(t, h, "/v1/scaledobjects/stream")
	if want := `data: {"message":"this replica does not lead any more","reason":"leader"}`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %s, want %s", w.Body, want)
	}
}

func testServerThatStopsEndsItsStreams(t *testing.T) {
	url, s, stop := runServer(t, func(o *Options) {
		o.Live = &fakeLive{watch: func(ctx context.Context, send func(string, []byte) error) error {
			err := send("snapshot", []byte("{}"))
			<-ctx.Done()
			return errors.Join(err, ctx.Err())
		}}
	})
	line := openStream(t, url)
	if got := line() + line(); got != "event: snapshotdata: {}" {
		t.Fatalf("got %q", got)
	}
	// Connections may end later than stopTimeout on a busy machine.
	if err := stop(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the server ended with %v", err)
	}
	if got := line() + line(); !strings.Contains(got, `"reason":"stopping"`) {
		t.Errorf("got %q, want the reason", got)
	}
	testkit.Eventually(t, "no stream is open", func(context.Context) bool { return testutil.ToFloat64(s.metrics.streams) == 0 })
}

func testFollowerCopiesEventsOfLeader(t *testing.T) {
	next := make(chan struct{})
	leader, _, stopLeader := runServer(t, func(o *Options) {
		o.Live = &fakeLive{watch: func(ctx context.Context, send func(string, []byte) error) error {
			for i := 0; ; i++ {
				if err := send("update", fmt.Append(nil, i)); err != nil {
					return err
				}
				select {
				case <-next:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}}
	})
	url, s, _ := runServer(t, func(o *Options) {
		o.Live, o.Leading, o.Forward = &fakeLive{}, func() bool { return false }, &httpForwarder{url: leader}
	})
	line := openStream(t, url)
	for i := range 3 {
		if got := line() + line(); got != fmt.Sprintf("event: updatedata: %d", i) {
			t.Fatalf("got %q, want event %d", got, i)
		}
		if i < 2 {
			next <- struct{}{}
		}
	}
	if err := stopLeader(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if got := line() + line() + line(); !strings.Contains(got, `"reason":"stopping"`) || strings.Contains(got, `"reason":"leader"`) {
		t.Errorf("got %q, want the reason of the leader only", got)
	}
	testkit.Eventually(t, "no stream is open", func(context.Context) bool { return testutil.ToFloat64(s.metrics.streams) == 0 })
}
