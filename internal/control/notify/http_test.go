package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestHTTP(t *testing.T) {
	t.Run("a server gets the event in both modes, with its credentials", testServerGetsEventInBothModesWithItsCredentials)
	t.Run("the status of the answer decides what follows", testStatusOfAnswerDecidesWhatFollows)
	t.Run("Retry-After is a number of seconds or a date", testRetryAfterIsNumberOfSecondsOrDate)
	t.Run("a redirect is not followed", testRedirectIsNotFollowed)
	t.Run("an answer that ends early counts by its status", testAnswerThatEndsEarlyCountsByItsStatus)
	t.Run("a server that is down, slow or of another name is an error without secrets", testServerThatIsDownSlowOrOfAnotherNameIsErrorWithoutSecrets)
	t.Run("a client certificate is sent", testClientCertificateIsSent)
}

// received is a request that a server got.
type received struct {
	path, body string
	header     http.Header
}

// recorder is a real server that records its requests.
type recorder struct {
	*httptest.Server

	mu  sync.Mutex
	all []received
}

// record starts a server that answers with a handler after it has recorded the request; nil answers 200.
func record(t *testing.T, answer http.HandlerFunc) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(r.handler(t, answer))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) handler(t *testing.T, answer http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.all = append(r.all, received{request.URL.RequestURI(), string(body), request.Header})
		r.mu.Unlock()
		if answer != nil {
			answer(w, request)
		}
	})
}

// requests returns the requests so far.
func (r *recorder) requests() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received{}, r.all...)
}

// post sends the example of a scaled event with a definition, and returns the error.
func post(t *testing.T, h *HTTP) error {
	t.Helper()
	return postWith(t, h, &http.Transport{}, 10*time.Second)
}

func postWith(t *testing.T, h *HTTP, base *http.Transport, timeout time.Duration) error {
	t.Helper()
	transport, err := newHTTP(h, "prod-1", base)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.close()
	ctx, cancel := context.WithTimeoutCause(t.Context(), timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	return transport.send(ctx, examples([]Type{Scaled})[0])
}

func testServerGetsEventInBothModesWithItsCredentials(t *testing.T) {
	server := record(t, nil)
	header := http.Header{"Authorization": {"Bearer secret-token"}, "X-Scope": {"a"}}
	for _, binary := range []bool{false, true} {
		if err := post(t, &HTTP{URL: server.URL + "/events?x=1", Binary: binary, Header: header}); err != nil {
			t.Fatal(err)
		}
	}
	all := server.requests()
	if len(all) != 2 {
		t.Fatalf("got %d requests, want 2", len(all))
	}
	for _, r := range all {
		if r.path != "/events?x=1" || r.header.Get("Authorization") != "Bearer secret-token" || r.header.Get("X-Scope") != "a" {
			t.Errorf("got the path %s and the headers %v, want those of the definition", r.path, r.header)
		}
	}
	if got := all[0].header.Get("Content-Type"); got != "application/cloudevents+json" {
		t.Errorf("structured mode has the Content-Type %s", got)
	}
	if err := validate(t, schema(t), []byte(all[0].body)); err != nil {
		t.Errorf("structured mode: %v\n%s", err, all[0].body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Type": "sh.impulse.scaledobject.scaled.v1", "Ce-Cluster": "prod-1",
		"Ce-Source": "/apis/impulse.sh/v1alpha1/namespaces/shop/scaledobjects/checkout", "Ce-Time": "2026-11-29T12:00:00Z",
	} {
		if got := all[1].header.Get(name); got != want {
			t.Errorf("binary mode: the header %s is %q, want %q", name, got, want)
		}
	}
	if id := all[1].header.Get("Ce-Id"); id == "" || !strings.Contains(all[0].body, id) {
		t.Errorf("binary mode has the id %q, want that of structured mode", id)
	}
	if !strings.HasPrefix(all[1].body, `{"namespace":"shop","name":"checkout"`) {
		t.Errorf("binary mode has the body %s, want the data", all[1].body)
	}
}

func testStatusOfAnswerDecidesWhatFollows(t *testing.T) {
	for code, want := range map[int]string{
		200: "sent", 202: "sent", 204: "sent", 400: "rejected", 401: "rejected", 404: "rejected", 413: "rejected", 408: "retry", 429: "busy",
		500: "retry", 502: "retry", 503: "busy",
	} {
		server := record(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(code)
			if code != http.StatusNoContent {
				_, _ = io.WriteString(w, "the reason\n")
			}
		})
		err := post(t, &HTTP{URL: server.URL})
		got := "sent"
		busy, isBusy := errors.AsType[*busyError](err)
		switch {
		case isBusy && busy.after == 7*time.Second:
			got = "busy"
		case err != nil && retryable(err):
			got = "retry"
		case err != nil:
			got = "rejected"
		}
		if got != want || err != nil && !strings.HasSuffix(err.Error(), ": the reason") {
			t.Errorf("%d is %s with the error %v, want %s, and the reason of the server", code, got, err, want)
		}
	}
}

func testRetryAfterIsNumberOfSecondsOrDate(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 5 ": 5 * time.Second, "-5": 0, "999999999": 24 * time.Hour, "99999999999999999999": 0, "soon": 0,
		"Sun, 29 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sun, 29 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("Retry-After %q asks for %s, want %s", header, got, want)
		}
	}
}

func testRedirectIsNotFollowed(t *testing.T) {
	elsewhere := record(t, nil)
	server := record(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	err := post(t, &HTTP{URL: server.URL, Header: http.Header{"Authorization": {"Bearer secret-token"}}})
	if err == nil || retryable(err) || !strings.Contains(err.Error(), "redirects are not followed") {
		t.Errorf("got the error %v, want that redirects are not followed", err)
	}
	if n := len(elsewhere.requests()); n != 0 {
		t.Errorf("the other server got %d requests, want none", n)
	}
}

func testAnswerThatEndsEarlyCountsByItsStatus(t *testing.T) {
	server := record(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "not all of it")
	})
	if err := post(t, &HTTP{URL: server.URL}); err != nil {
		t.Errorf("an answer with the status 200 whose body ends early: got the error %v, want none", err)
	}
	for _, bytes := range []int64{0, 5} {
		half := &testkit.HalfAnswer{Bytes: bytes}
		err := postWith(t, &HTTP{URL: server.URL}, &http.Transport{DialContext: half.Dial}, 10*time.Second)
		if err == nil || !retryable(err) {
			t.Errorf("an answer of %d bytes: got the error %v, want one that leads to a retry", bytes, err)
		}
	}
}

func testServerThatIsDownSlowOrOfAnotherNameIsErrorWithoutSecrets(t *testing.T) {
	const secret = "T000-B000-hidden"
	authority := testkit.NewAuthority(t)
	cert, key := authority.Issue("grafana.example")
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	other := httptest.NewUnstartedServer(r.handler(t, nil))
	other.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	other.StartTLS()
	t.Cleanup(other.Close)
	release := make(chan struct{})
	slow := record(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	echo := record(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "no access to "+r.URL.Path+" with "+r.Header.Get("Authorization"))
	})
	gone := testkit.FreeAddress(t)
	for name, c := range map[string]struct {
		url, want string
		timeout   time.Duration
		tls       TLS
	}{
		"down":         {url: "http://" + gone, want: "connection refused", timeout: 10 * time.Second},
		"slow":         {url: slow.URL, want: "no answer within 50ms", timeout: 50 * time.Millisecond},
		"another name": {url: other.URL, want: "failed to verify certificate", timeout: 10 * time.Second, tls: TLS{CA: authority.PEM()}},
		"another CA":   {url: other.URL, want: "failed to verify certificate", timeout: 10 * time.Second},
		"an echo":      {url: echo.URL, want: "answers 403 Forbidden", timeout: 10 * time.Second},
	} {
		h := &HTTP{URL: c.url + "/services/" + secret, Header: http.Header{"Authorization": {"Bearer " + secret + "-token"}}, TLS: c.tls}
		err := postWith(t, h, &http.Transport{}, c.timeout)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got the error %v, want %q, and no secret", name, err, c.want)
		}
		if host := strings.TrimPrefix(strings.TrimPrefix(c.url, "https://"), "http://"); err != nil && !strings.Contains(err.Error(), host) {
			t.Errorf("%s: got the error %v, want the host %s", name, err, host)
		}
	}
}

func testClientCertificateIsSent(t *testing.T) {
	authority := testkit.NewAuthority(t)
	cert, key := authority.Issue("127.0.0.1")
	clientCert, clientKey := authority.Issue("impulse")
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	server := httptest.NewUnstartedServer(r.handler(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 || r.TLS.PeerCertificates[0].Subject.CommonName != "impulse" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	base := &http.Transport{DialContext: (&net.Dialer{}).DialContext}
	h := &HTTP{URL: server.URL, TLS: TLS{CA: authority.PEM(), Cert: clientCert, Key: clientKey}}
	if err := postWith(t, h, base, 10*time.Second); err != nil {
		t.Errorf("with a client certificate: got the error %v, want none", err)
	}
	if err := postWith(t, &HTTP{URL: server.URL, TLS: TLS{CA: authority.PEM()}}, base, 10*time.Second); err == nil {
		t.Error("without a client certificate: got no error, want one")
	}
}
