package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/impulse-sh/impulse/internal/ingest/auth"
	"github.com/impulse-sh/impulse/internal/ingest/forward"
)

func TestLive(t *testing.T) {
	t.Run("a credential reads its namespaces and no other", testCredentialReadsItsNamespacesAndNoOther)
	t.Run("an object that does not exist is 404", testObjectThatDoesNotExistIs404)
	t.Run("a proxy may use Authorization for itself", testProxyMayUseAuthorizationForItself)
	t.Run("the API server authorizes a reader with one of its tokens", testAPIServerAuthorizesReaderWithOneOfItsTokens)
	t.Run("a token of the API server is no credential to send", testTokenOfAPIServerIsNoCredentialToSend)
	t.Run("a follower asks the leader for what it has authorized", testFollowerAsksLeaderForWhatItHasAuthorized)
	t.Run("another replica reads what it asks for", testAnotherReplicaReadsWhatItAsksFor)
	t.Run("the memory of an answer is limited", testMemoryOfAnswerIsLimited)
	t.Run("without credentials only this machine's names are answered", testWithoutCredentialsOnlyThisMachinesNamesAreAnswered)
}

// fakeLive answers with what it was asked for.
type fakeLive struct {
	mu     sync.Mutex
	err    error
	padded int
	// watch is the stream.
	watch func(ctx context.Context, send func(string, []byte) error) error
	asked []LiveQuery
}

func (l *fakeLive) List(namespaces []string) ([]byte, error) {
	text, err := json.Marshal(map[string]any{"namespaces": namespaces, "padding": strings.Repeat("x", l.padded)})
	return text, errors.Join(l.err, err)
}

func (l *fakeLive) Object(namespace, name string) ([]byte, error) {
	text, err := json.Marshal(namespace + "/" + name)
	return text, errors.Join(l.err, err)
}

func (l *fakeLive) Watch(ctx context.Context, q LiveQuery, send func(string, []byte) error) error {
	l.mu.Lock()
	l.asked = append(l.asked, q)
	l.mu.Unlock()
	if l.watch == nil {
		return errors.Join(l.err, send("snapshot", []byte("{}")))
	}
	return l.watch(ctx, send)
}

const twoTenants = `
- {name: shop, namespaces: [shop], token: token-of-shop}
- {name: both, namespaces: [shop, bank], token: token-of-both}
- {name: all, namespaces: ["*"], token: token-of-all}`

func testCredentialReadsItsNamespacesAndNoOther(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) { o.Live, o.Credentials = &fakeLive{}, credentials(t, twoTenants) })
	for _, c := range []struct {
		path, token string
		code        int
		text        string
	}{
		{"/v1/scaledobjects", "all", 200, `"namespaces":null`},
		{"/v1/scaledobjects", "both", 200, `"namespaces":["bank","shop"]`},
		{"/v1/scaledobjects", "shop", 200, `"namespaces":["shop"]`},
		{"/v1/scaledobjects?namespace=bank", "both", 200, `"namespaces":["bank"]`},
		{"/v1/scaledobjects?namespace=bank&namespace=shop", "shop", 403, "no access"},
		{"/v1/scaledobjects?namespace=" + strings.Repeat("x", 64), "all", 400, "namespace"},
		{"/v1/scaledobjects?namespace=", "shop", 400, "namespace"},
		{"/v1/scaledobjects", "nobody", 401, "no access"},
		{"/v1/namespaces/shop/scaledobjects", "shop", 200, `"namespaces":["shop"]`},
		{"/v1/namespaces/bank/scaledobjects", "shop", 403, "no access"},
		{"/v1/namespaces/shop/scaledobjects?namespace=bank", "shop", 200, `"namespaces":["shop"]`},
		{"/v1/namespaces/shop/scaledobjects/web", "shop", 200, `"shop/web"`},
		{"/v1/namespaces/shop/scaledobjects/stream", "shop", 200, `"shop/stream"`},
		{"/v1/namespaces/bank/scaledobjects/web", "shop", 403, "no access"},
		{"/v1/namespaces/bank/scaledobjects/web/stream", "shop", 403, "no access"},
		{"/v1/namespaces/shop/scaledobjects/web/stream", "shop", 200, "event: snapshot\ndata: {}\n\n"},
		{"/v1/scaledobjects/stream", "nobody", 401, "no access"},
	} {
		w := send(t, h, http.MethodGet, c.path, http.NoBody, "Bearer token-of-"+c.token)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%s with the token of %s: got %d %s, want %d with %s", c.path, c.token, w.Code, w.Body, c.code, c.text)
		}
		if w.Code == http.StatusOK && w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got the header %v, want no-store", c.path, w.Header())
		}
	}
}

func testObjectThatDoesNotExistIs404(t *testing.T) {
	l := &fakeLive{err: ErrNoObject, watch: func(context.Context, func(string, []byte) error) error { return ErrNoObject }}
	h, _ := serve(t, &record{}, func(o *Options) { o.Live = l })
	for _, path := range []string{"/v1/namespaces/shop/scaledobjects/nobody", "/v1/namespaces/shop/scaledobjects/nobody/stream"} {
		if w := read200(t, h, path); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), ErrNoObject.Error()) {
			t.Errorf("%s: got %d %s, want 404", path, w.Code, w.Body)
		}
	}
	l.err = errors.New("the objects are not known")
	if w := read200(t, h, "/v1/scaledobjects"); w.Code != http.StatusServiceUnavailable || w.Body.String() != "the objects are not known\n" {
		t.Errorf("got %d %s, want 503 with the reason", w.Code, w.Body)
	}
}

// read200 reads a path as a browser on this machine does.
func read200(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	r.Host = "localhost:8080"
	h.ServeHTTP(w, r)
	return w
}

func testProxyMayUseAuthorizationForItself(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) { o.Live, o.Credentials = &fakeLive{}, credentials(t, twoTenants) })
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/scaledobjects", http.NoBody)
	r.Header.Set("Authorization", "Bearer of-the-proxy")
	r.Header.Set("Impulse-Authorization", "Bearer token-of-shop")
	if h.ServeHTTP(w, r); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `["shop"]`) {
		t.Errorf("got %d %s, want 200 with the objects of shop", w.Code, w.Body)
	}
}

// fakeReviewer allows what it has, as "TOKEN NAMESPACE", and returns its errors for other tokens.
type fakeReviewer struct {
	allowed []string
	errs    map[string]error
	asked   []string
}

func (f *fakeReviewer) MayList(_ context.Context, token, namespace string) error {
	f.asked = append(f.asked, token+" "+namespace)
	if err := f.errs[token]; err != nil {
		return err
	}
	if !slices.Contains(f.allowed, token+" "+namespace) {
		return &auth.Error{Kind: auth.ErrForbidden, Reason: "no"}
	}
	return nil
}

func testAPIServerAuthorizesReaderWithOneOfItsTokens(t *testing.T) {
	f := &fakeReviewer{
		allowed: []string{"all.of.them ", "a.b.shop shop"},
		errs:    map[string]error{"a.b.gone": &auth.Error{Kind: auth.ErrUnauthenticated}, "a.b.fast": auth.ErrRateLimited, "a.b.late": errors.New("no answer")},
	}
	refused := 0
	h, _ := serve(t, &record{}, func(o *Options) {
		o.Live, o.Credentials, o.Reviewer, o.OnRefused = &fakeLive{}, credentials(t, twoTenants), f, func(string, string) { refused++ }
	})
	for _, c := range []struct {
		path, token string
		code        int
		text        string
	}{
		{"/v1/scaledobjects", "all.of.them", 200, `"namespaces":null`},
		{"/v1/scaledobjects", "a.b.shop", 403, "no access"},
		{"/v1/scaledobjects?namespace=shop", "a.b.shop", 200, `"namespaces":["shop"]`},
		{"/v1/scaledobjects?namespace=shop&namespace=bank", "a.b.shop", 403, "no access"},
		{"/v1/namespaces/shop/scaledobjects/web", "a.b.shop", 200, `"shop/web"`},
		{"/v1/namespaces/shop/scaledobjects/web/stream", "a.b.shop", 200, "event: snapshot"},
		{"/v1/namespaces/bank/scaledobjects/web", "a.b.shop", 403, "no access"},
		{"/v1/namespaces/shop/scaledobjects/web", "a.b.gone", 401, "no access"},
		{"/v1/namespaces/shop/scaledobjects/web", "a.b.fast", 503, "too many requests"},
		{"/v1/namespaces/shop/scaledobjects/web", "a.b.late", 503, "the API server has not answered"},
		{"/v1/namespaces/bank/scaledobjects/web", "token-of-all", 200, `"bank/web"`},
	} {
		for _, header := range []string{"Authorization", "Impulse-Authorization"} {
			w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody)
			r.Header.Set(header, "Bearer "+c.token)
			if h.ServeHTTP(w, r); w.Code != c.code || !strings.Contains(w.Body.String(), c.text) {
				t.Errorf("%s with %s in %s: got %d %s, want %d with %s", c.path, c.token, header, w.Code, w.Body, c.code, c.text)
			}
		}
	}
	if refused != 0 {
		t.Errorf("%d refused readers were reported to the objects, want none", refused)
	}
	f.asked = nil
	for _, token := range []string{"token-of-nobody", "a.b", "a.b.c.d", "a..c", "a.b.ü", strings.Repeat("a", 40)} {
		if w := send(t, h, http.MethodGet, "/v1/namespaces/shop/scaledobjects/web", http.NoBody, "Bearer "+token); w.Code != http.StatusUnauthorized || len(f.asked) > 0 {
			t.Errorf("%s: got %d, and the API server was asked about %v; want 401 and no question", token, w.Code, f.asked)
		}
	}
}

func testTokenOfAPIServerIsNoCredentialToSend(t *testing.T) {
	f := &fakeReviewer{allowed: []string{"all.of.them ", "all.of.them shop"}}
	h, _ := serve(t, &record{}, func(o *Options) { o.Live, o.Credentials, o.Reviewer = &fakeLive{}, credentials(t, twoTenants), f })
	for method, path := range map[string]string{http.MethodPost: "/v1/alertmanager/shop", http.MethodGet: "/metrics"} {
		if w := send(t, h, method, path, strings.NewReader(one), "Bearer all.of.them"); w.Code != http.StatusUnauthorized || len(f.asked) > 0 {
			t.Errorf("%s %s: got %d, and the API server was asked about %v; want 401 and no question", method, path, w.Code, f.asked)
		}
	}
}

func testFollowerAsksLeaderForWhatItHasAuthorized(t *testing.T) {
	l := &fakeForwarder{answer: forward.Answer{Code: http.StatusOK, Text: "{}", Header: http.Header{"Content-Type": {"application/json"}}}}
	h, s := serve(t, &record{}, func(o *Options) {
		o.Live, o.Credentials, o.Forward, o.Leading = &fakeLive{}, credentials(t, twoTenants), l, func() bool { return false }
	})
	for _, c := range []struct{ path, token, uri string }{
		{"/v1/scaledobjects?x=y", "all", "/v1/scaledobjects"},
		{"/v1/scaledobjects", "both", "/v1/scaledobjects?namespace=bank&namespace=shop"},
		{"/v1/scaledobjects/stream", "shop", "/v1/scaledobjects/stream?namespace=shop"},
		{"/v1/namespaces/shop/scaledobjects/web/stream?namespace=bank", "shop", "/v1/namespaces/shop/scaledobjects/web/stream"},
	} {
		l.sent = nil
		w := send(t, h, http.MethodGet, c.path, http.NoBody, "Bearer token-of-"+c.token)
		if w.Code != http.StatusOK || w.Body.String() != "{}" || len(l.sent) != 1 || l.sent[0].URI != c.uri || l.sent[0].Credential != c.token {
			t.Errorf("%s: got %d %s, and asked %+v, want 200 {}, and %s", c.path, w.Code, w.Body, l.sent, c.uri)
		}
	}
	l.err = errors.New("10.1.2.3:8444: connection refused")
	for _, path := range []string{"/v1/scaledobjects", "/v1/scaledobjects/stream"} {
		w := send(t, h, http.MethodGet, path, http.NoBody, "Bearer token-of-all")
		if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "10.1.2.3") {
			t.Errorf("%s without a leader: got %d %s, want 503 without its address", path, w.Code, w.Body)
		}
	}
	if n := testutil.ToFloat64(s.metrics.forwarded.WithLabelValues("failed")); n != 2 {
		t.Errorf("got %v failures, want 2", n)
	}
}

func testAnotherReplicaReadsWhatItAsksFor(t *testing.T) {
	l := &fakeLive{}
	leading := true
	h := servePeers(t, &record{}, func(o *Options) { o.Live, o.Leading = l, func() bool { return leading } })
	if w := send(t, h, http.MethodGet, "/v1/scaledobjects?namespace=shop&namespace=bank", http.NoBody, "Peer shop"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `["bank","shop"]`) {
		t.Errorf("got %d %s, want 200 with bank and shop", w.Code, w.Body)
	}
	send(t, h, http.MethodGet, "/v1/scaledobjects/stream?namespace=shop", http.NoBody, "Peer shop")
	if len(l.asked) != 1 || !slices.Equal(l.asked[0].Namespaces, []string{"shop"}) {
		t.Errorf("got the streams %+v, want one of shop", l.asked)
	}
	if w := send(t, h, http.MethodGet, "/v1/scaledobjects", http.NoBody, "Bearer token-of-eu"); w.Code != http.StatusUnauthorized {
		t.Errorf("without the replicas' key: got %d, want 401", w.Code)
	}
	leading = false
	for _, path := range []string{"/v1/scaledobjects", "/v1/scaledobjects/stream"} {
		if w := send(t, h, http.MethodGet, path, http.NoBody, "Peer shop"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s of a replica that does not lead: got %d, want 503", path, w.Code)
		}
	}
}

func testMemoryOfAnswerIsLimited(t *testing.T) {
	h, s := serve(t, &record{}, func(o *Options) { o.Live, o.BodyMemory = &fakeLive{padded: 600 << 10}, 1<<20 })
	if w := read200(t, h, "/v1/scaledobjects"); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d, want 413 for more than half of the memory", w.Code)
	}
	if s.memory.all.used != 0 {
		t.Errorf("%d bytes are still reserved", s.memory.all.used)
	}
}

func testWithoutCredentialsOnlyThisMachinesNamesAreAnswered(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) { o.Live = &fakeLive{} })
	for host, code := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "impulse.localhost": 200,
		"evil.example:8080": 403, "10.0.0.1:8080": 403, "localhost.evil.example": 403, "": 403,
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/scaledobjects", http.NoBody)
		r.Host = host
		if h.ServeHTTP(w, r); w.Code != code {
			t.Errorf("host %q: got %d, want %d", host, w.Code, code)
		}
	}
}
