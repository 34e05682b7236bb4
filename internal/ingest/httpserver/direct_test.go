package httpserver

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/endpoints"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/push"
	"github.com/impulse-sh/impulse/triggers/triggertest"
	"github.com/impulse-sh/impulse/triggers/webhook"
)

func TestDirect(t *testing.T) {
	t.Run("a level is recorded for its trigger", testLevelIsRecordedForItsTrigger)
	t.Run("the size of messages to a trigger is bounded", testSizeOfMessagesToTriggerIsBounded)
	t.Run("without a credential only a signature is accepted", testWithoutCredentialOnlySignatureIsAccepted)
	t.Run("a follower forwards messages with their principal", testFollowerForwardsMessagesWithTheirPrincipal)
}

// serveTriggers returns the handler of a server with real triggers: those of shop/checkout in the examples of the OpenAPI document,
// and one that verifies signatures.
func serveTriggers(t *testing.T, r *record, change func(*Options)) http.Handler {
	t.Helper()
	var mu sync.Mutex
	clock := time.Now()
	now := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		clock = clock.Add(time.Second)
		return clock
	}
	received := endpoints.New(r, now, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	h, _ := serve(t, r, func(o *Options) {
		o.Receiver, o.Now = received, now
		if change != nil {
			change(o)
		}
	})
	open(t, received, webhook.Kind(), "hooked", map[string]string{"hook": "jobs", "value": "body.jobs", "threshold": "1"}, "")
	open(t, received, webhook.Kind(), "signed", map[string]string{"hook": "github", "threshold": "1"}, "secret")
	open(t, received, push.Kind(), "jobs", map[string]string{"threshold": "1"}, "")
	received.ObjectsListed()
	for range 20 { // Until all endpoints are open: each reading of this clock is a second.
		now()
	}
	r.endpoints, r.alerts = nil, nil
	return h
}

// open opens a trigger of shop/checkout until the test ends.
func open(t *testing.T, received *endpoints.Receiver, kind triggers.Kind, name string, metadata map[string]string, secret string) {
	t.Helper()
	c, err := kind.Decode(metadata)
	if err != nil {
		t.Fatal(err)
	}
	source, err := kind.Open(c, triggers.Env{
		Namespace: "shop", Object: "checkout", Trigger: name, Endpoints: received, Alerts: &triggertest.Endpoints{}, Now: time.Now, Credentials: secret,
		Secrets: triggertest.SecretsFunc(func(context.Context, string) (string, error) { return secret, nil }),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done, spoke := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = source.Run(ctx, func(scalers.Event) { close(spoke) })
	}()
	<-spoke
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

const levelPath = "/v1/namespaces/shop/scaledobjects/checkout/triggers/jobs"

func testLevelIsRecordedForItsTrigger(t *testing.T) {
	r := &record{}
	h := serveTriggers(t, r, nil)
	if w := send(t, h, http.MethodPut, levelPath, strings.NewReader(`{"value": 42, "ttl": "60s"}`), ""); w.Code != http.StatusOK || w.Body.Len() > 0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := post(t, h, "/v1/webhook/shop/jobs?x=y", `{"jobs": 3}`, ""); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(r.endpoints) != 2 || r.endpoints[0].String() != "shop//checkout/jobs" || r.endpoints[1].String() != "shop//checkout/hooked" {
		t.Fatalf("recorded through %v", r.endpoints)
	}
	if *r.alerts[0].Level.MilliValue != 42000 || r.alerts[0].Until.Sub(r.alerts[0].StartsAt) != time.Minute || *r.alerts[1].Level.MilliValue != 3000 {
		t.Errorf("recorded %+v; want 42000, %v, 3000", r.alerts, time.Minute)
	}
}

func testSizeOfMessagesToTriggerIsBounded(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body, encoding string
		code           int
		want           string
	}{
		"a gzip bomb":   {packed.String(), "gzip", http.StatusUnsupportedMediaType, "Content-Encoding"},
		"nested deeply": {strings.Repeat("[", 100) + strings.Repeat("]", 100), "", http.StatusBadRequest, "nested more than 64 levels deep"},
		"a key twice":   {`{"value":1,"value":2,"jobs":1}`, "", http.StatusBadRequest, `an object has the key "value" twice`},
		"invalid UTF-8": {"{\"value\":\"\xff\"}", "", http.StatusBadRequest, "not UTF-8"},
		"2 MB":          {strings.Repeat(" ", 2<<20), "", http.StatusRequestEntityTooLarge, "larger than"},
		"nothing":       {"", "", http.StatusBadRequest, "unexpected EOF"},
		"not JSON":      {"value=42", "", http.StatusBadRequest, "cannot be decoded as JSON"},
		"no number":     {`{"value":{},"jobs":{}}`, "", http.StatusBadRequest, "expected a number"},
	} {
		for path, method := range map[string]string{levelPath: http.MethodPut, "/v1/webhook/shop/jobs": http.MethodPost} {
			r := &record{}
			h := serveTriggers(t, r, nil)
			request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(c.body))
			if c.encoding != "" {
				request.Header.Set("Content-Encoding", c.encoding)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request)
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) || strings.Count(w.Body.String(), "\n") != 1 || len(r.alerts) > 0 {
				t.Errorf("got %s, %s: answered %d %.300q, recorded %v; want %v, text with %q, 1, none", name, path, w.Code, w.Body, r.alerts, c.code, c.want)
			}
		}
	}
}

func testWithoutCredentialOnlySignatureIsAccepted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("shop=only-for-the-shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials, err := auth.Read(auth.Files{Tokens: path})
	if err != nil {
		t.Fatal(err)
	}
	r := &record{}
	h := serveTriggers(t, r, func(o *Options) { o.Credentials = credentials })
	const signature = "sha256=77325902caca812dc259733aacd046b73817372c777b8d95b402647474516e13" // Of {} with the secret "secret".
	for _, c := range []struct {
		name, method, path, body, authorization, signature string
		code                                               int
	}{
		{"a signature", http.MethodPost, "/v1/webhook/shop/github", "{}", "", signature, http.StatusOK},
		{"none", http.MethodPost, "/v1/webhook/shop/github", "{}", "", "", http.StatusUnauthorized},
		{"another body's", http.MethodPost, "/v1/webhook/shop/github", "[]", "", signature, http.StatusUnauthorized},
		{"and a wrong token", http.MethodPost, "/v1/webhook/shop/github", "{}", "Bearer wrong-wrong-wrong", signature, http.StatusUnauthorized},
		{"a token and no signature", http.MethodPost, "/v1/webhook/shop/github", "{}", "Bearer only-for-the-shop", "", http.StatusUnauthorized},
		{"a hook without signatures", http.MethodPost, "/v1/webhook/shop/jobs", `{"jobs":1}`, "", signature, http.StatusUnauthorized},
		{"a hook that is not there", http.MethodPost, "/v1/webhook/shop/nobody", "{}", "", signature, http.StatusUnauthorized},
		{"a token", http.MethodPost, "/v1/webhook/shop/jobs", `{"jobs":1}`, "Bearer only-for-the-shop", "", http.StatusOK},
		{"a token for others", http.MethodPost, "/v1/webhook/bank/jobs", `{"jobs":1}`, "Bearer only-for-the-shop", "", http.StatusForbidden},
		{"a push", http.MethodPut, levelPath, `{"value":1}`, "", signature, http.StatusUnauthorized},
		{"alerts", http.MethodPost, "/v1/alertmanager/shop", one, "", signature, http.StatusUnauthorized},
	} {
		request := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		if c.authorization != "" {
			request.Header.Set("Authorization", c.authorization)
		}
		if c.signature != "" {
			request.Header.Set("X-Hub-Signature-256", c.signature)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request)
		if w.Code != c.code {
			t.Errorf("%s: %d %s, expected %d", c.name, w.Code, w.Body, c.code)
		}
	}
	if len(r.alerts) != 2 {
		t.Errorf("recorded %v; want 2", r.alerts)
	}
}

// leader passes messages to the handler of another replica.
type leader struct {
	h      http.Handler
	passed []forward.Message
}

// Forward passes a message on, as forward.Client does.
func (l *leader) Forward(ctx context.Context, m forward.Message) (forward.Answer, error) {
	l.passed = append(l.passed, m)
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, m.Method, m.URI, bytes.NewReader(m.Body))
	r.Header = m.Header.Clone()
	r.Header.Set("X-Credential", m.Credential)
	l.h.ServeHTTP(w, r)
	return forward.Answer{Code: w.Code, Header: w.Header(), Text: w.Body.String()}, nil
}

// Open passes a message on, as forward.Client does.
func (l *leader) Open(ctx context.Context, m forward.Message) (*http.Response, error) {
	answer, err := l.Forward(ctx, m)
	return &http.Response{StatusCode: answer.Code, Header: answer.Header, Body: io.NopCloser(strings.NewReader(answer.Text))}, err
}

func testFollowerForwardsMessagesWithTheirPrincipal(t *testing.T) {
	r := &record{}
	var private http.Handler
	serveTriggers(t, r, func(o *Options) {
		o.AuthenticatePeer = func(r *http.Request) (string, error) { return r.Header.Get("X-Credential"), nil }
		s, err := New(t.Context(), *o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.listener.Close() })
		private = s.peerRoutes()
		o.Registry = prometheus.NewRegistry()
	})
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("shop=only-for-the-shop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	credentials, err := auth.Read(auth.Files{Tokens: path})
	if err != nil {
		t.Fatal(err)
	}
	l := &leader{h: private}
	follower, _ := serve(t, &record{}, func(o *Options) {
		o.Leading, o.Forward, o.Credentials, o.Receiver = func() bool { return false }, l, credentials, endpoints.New(nil, nil, prometheus.NewRegistry(), nil)
	})
	if w := send(t, follower, http.MethodPut, levelPath, strings.NewReader(`{"value": 42}`), "Bearer only-for-the-shop"); w.Code != http.StatusOK || len(r.endpoints) != 1 {
		t.Errorf("got %d %s, recorded through %v; want 200, 1", w.Code, w.Body, r.endpoints)
	}
	if w := send(t, follower, http.MethodPut, levelPath, strings.NewReader(`{"valeu": 42}`), "Bearer only-for-the-shop"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "did you mean") {
		t.Errorf("got %d %s; want 400, text with did you mean", w.Code, w.Body)
	}
	if w := post(t, follower, "/v1/webhook/shop/jobs", `{"jobs":1}`, ""); w.Code != http.StatusUnauthorized || len(r.endpoints) != 1 {
		t.Errorf("an anonymous request to a hook without signatures: %d %s, recorded through %v; want 401, 1", w.Code, w.Body, r.endpoints)
	}
	if w := send(t, follower, http.MethodPut, levelPath, strings.NewReader(`{"value": 42}`), ""); w.Code != http.StatusUnauthorized || len(l.passed) != 3 {
		t.Errorf("a push without a token: %d, %d forwarded; want 401, 3", w.Code, len(l.passed))
	}
}

// httpForwarder forwards to a server without authentication.
type httpForwarder struct{ url string }

// Forward is Forwarder's.
func (*httpForwarder) Forward(context.Context, forward.Message) (forward.Answer, error) {
	return forward.Answer{}, errors.New("only streams are forwarded")
}

// Open is Forwarder's.
func (f *httpForwarder) Open(ctx context.Context, m forward.Message) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, m.Method, f.url+m.URI, http.NoBody)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(r)
}
