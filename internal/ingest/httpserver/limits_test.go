package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestLimits(t *testing.T) {
	t.Run("a slow sender is cut off", testSlowSenderIsCutOff)
	t.Run("too large a header is refused", testTooLargeHeaderIsRefused)
	t.Run("a compressed body is refused", testCompressedBodyIsRefused)
	t.Run("one credential cannot exclude the others", testOneCredentialCannotExcludeOthers)
	t.Run("requests are counted by route and code", testRequestsAreCountedByRouteAndCode)
	t.Run("a handler that panics or fails is answered", testHandlerThatPanicsOrFailsIsAnswered)
}

// startServer runs a server on a real socket until the test ends; change adjusts the server before it starts.
func startServer(t *testing.T, r endpoints.Recorder, change func(*Server), options func(*Options)) *Server {
	t.Helper()
	_, s := serve(t, &record{}, func(o *Options) {
		if options != nil {
			options(o)
		}
		if o.Receiver == nil {
			o.Receiver = receiver(r, o)
		}
	})
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		// Hundreds of connections may end later than stopTimeout on a busy machine.
		if err := <-done; err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	return s
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// drip sends beginning at once, and then single bytes until the server ends the connection. It returns the response.
func drip(t *testing.T, s *Server, beginning string) string {
	t.Helper()
	conn := dial(t, s)
	if _, err := io.WriteString(conn, beginning); err != nil {
		t.Fatal(err)
	}
	answer := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(conn)
		answer <- string(all)
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case all := <-answer:
			return all
		case <-tick.C:
			_, _ = io.WriteString(conn, "x")
		}
	}
}

func testSlowSenderIsCutOff(t *testing.T) {
	s := startServer(t, &record{}, func(s *Server) {
		if s.http.ReadHeaderTimeout != 5*time.Second || s.http.ReadTimeout != 15*time.Second || s.http.WriteTimeout == 0 || s.http.IdleTimeout == 0 {
			t.Errorf("the limits are %+v", s.http)
		}
		s.http.ReadHeaderTimeout, s.http.ReadTimeout = 200*time.Millisecond, 300*time.Millisecond
	}, nil)
	if answer := drip(t, s, "POST /v1/alertmanager/shop HTTP/1.1\r\nHost: impulse\r\nX-Slow: "); strings.Contains(answer, "200 OK") {
		t.Errorf("a slow header is answered with %s", answer)
	}
	answer := ""
	for end := time.Now().Add(testkit.Timeout); answer == "" && time.Now().Before(end); { // The limits may pass before the header is read.
		answer = drip(t, s, "POST /v1/alertmanager/shop HTTP/1.1\r\nHost: impulse\r\nContent-Length: 100000\r\n\r\n")
	}
	if !strings.Contains(answer, "503 Service Unavailable") || !strings.Contains(answer, "the body did not arrive") {
		t.Errorf("a slow body is answered with %s; want text with 503 Service Unavailable, text with the body did not arrive", answer)
	}
	testkit.Eventually(t, "after that, others are answered with 200", func(ctx context.Context) bool {
		code, _ := testkit.Post(ctx, "http://"+s.Addr()+"/v1/alertmanager/shop", []byte(one))
		return code == http.StatusOK
	})
}

func testTooLargeHeaderIsRefused(t *testing.T) {
	s := startServer(t, &record{}, nil, nil)
	conn := dial(t, s)
	go func() {
		_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: impulse\r\nX-Large: %s\r\n\r\n", strings.Repeat("x", maxHeader+(8<<10)))
	}()
	answer, _ := io.ReadAll(conn)
	if !strings.Contains(string(answer), "431 Request Header Fields Too Large") {
		t.Errorf("answered %s; want text with 431 Request Header Fields Too Large", answer)
	}
}

func testCompressedBodyIsRefused(t *testing.T) {
	r := &record{}
	s := startServer(t, r, nil, nil)
	for encoding, code := range map[string]int{"gzip": http.StatusUnsupportedMediaType, "br, gzip": http.StatusUnsupportedMediaType, "identity": http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Addr()+"/v1/alertmanager/shop", strings.NewReader(one))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Encoding", encoding)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close() != nil || response.StatusCode != code {
			t.Errorf("%s is answered with %d; want %v", encoding, response.StatusCode, code)
		}
	}
}

func testOneCredentialCannotExcludeOthers(t *testing.T) {
	now := time.Now()
	h, s := serve(t, &record{}, func(o *Options) {
		o.Credentials, o.Now = credentials(t, "- {name: a, namespaces: [shop], token: token-of-a}\n- {name: b, namespaces: [shop], token: token-of-b}"), func() time.Time { return now }
	})
	for range auth.CredentialBurst {
		if w := post(t, h, "/v1/alertmanager/shop", one, "Bearer token-of-a"); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
	}
	if w := post(t, h, "/v1/alertmanager/shop", one, "Bearer token-of-a"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one too many is answered with %d: Alertmanager repeats after 503 only; want 503", w.Code)
	}
	if n := testutil.ToFloat64(s.metrics.limited.WithLabelValues("alertmanager", "rate")); n != 1 {
		t.Errorf("%v are counted; want 1", n)
	}
	if w := post(t, h, "/v1/alertmanager/shop", one, "Bearer token-of-b"); w.Code != http.StatusOK {
		t.Errorf("another credential is answered with %d; want 200", w.Code)
	}
	now = now.Add(time.Second)
	if w := post(t, h, "/v1/alertmanager/shop", one, "Bearer token-of-a"); w.Code != http.StatusOK {
		t.Errorf("a second later the first credential is answered with %d; want 200", w.Code)
	}
}

// credentials reads a list of credentials.
func credentials(t *testing.T, list string) *auth.Credentials {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.yaml")
	if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := auth.Read(auth.Files{List: path, Certificates: true})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testRequestsAreCountedByRouteAndCode(t *testing.T) {
	h, s := serve(t, &record{}, nil)
	post(t, h, "/v1/alertmanager/shop", one, "")
	post(t, h, "/v1/alertmanager", "{}", "")
	post(t, h, "/v1/nowhere", one, "")
	send(t, h, http.MethodGet, "/readyz", http.NoBody, "")
	for labels, want := range map[[2]string]float64{{"alertmanager", "200"}: 1, {"alertmanager", "400"}: 1, {"other", "404"}: 1, {"readyz", "200"}: 1} {
		if n := testutil.ToFloat64(s.metrics.requests.WithLabelValues(labels[0], labels[1])); n != want {
			t.Errorf("%v: %v were counted; want %v", labels, n, want)
		}
	}
}

func testHandlerThatPanicsOrFailsIsAnswered(t *testing.T) {
	r := &record{}
	_, s := serve(t, r, nil)
	e := s.router(map[string]string{})
	for path, receive := range map[string]func(context.Context, *endpoints.Request) (*int, error){
		"/panics/:namespace": func(context.Context, *endpoints.Request) (*int, error) { panic("no") },
		"/fails/:namespace":  func(context.Context, *endpoints.Request) (*int, error) { return nil, errors.New("some secret") },
	} {
		e.POST(path, s.handler(Route{Name: path, Receive: receive}, s.authorize, false))
		w := post(t, e, strings.Replace(path, ":namespace", "shop", 1), "", "")
		if w.Code != http.StatusInternalServerError || w.Body.String() != "internal error\n" || len(r.endpoints) > 0 {
			t.Errorf("%s: %d %s, recorded %v; want 500, internal error\n, none", path, w.Code, w.Body, r.endpoints)
		}
	}
}
