package httpserver

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestPage(t *testing.T) {
	t.Run("a browser signs in once, and reads what its credential may read", testBrowserSignsInOnce)
	t.Run("a session is not accepted by the listener for senders", testSessionIsNotAcceptedByListenerForSenders)
	t.Run("nothing on the page's listener changes anything", testNothingOnPagesListenerChangesAnything)
	t.Run("a wrong credential does not sign in, and attempts are limited", testWrongCredentialDoesNotSignIn)
	t.Run("a session ends", testSessionEnds)
	t.Run("the page works behind a prefix", testPageWorksBehindPrefix)
	t.Run("every answer restricts what the browser does with it", testEveryAnswerRestrictsBrowser)
	t.Run("another site's page cannot ask", testAnotherSitesPageCannotAsk)
	t.Run("an address that is reachable from other hosts needs credentials", testReachableAddressNeedsCredentials)
	t.Run("an address in use stops the process only if it was asked for", testAddressInUseStopsProcessOnlyIfAskedFor)
}

// servePage returns the handler of the page's listener.
func servePage(t *testing.T, change func(*Options)) (http.Handler, *Server) {
	t.Helper()
	_, s := serve(t, &record{}, func(o *Options) {
		o.Live, o.PageAddr = &fakeLive{}, "127.0.0.1:0"
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("file " + r.URL.Path)) })
		if change != nil {
			change(o)
		}
	})
	t.Cleanup(func() { _ = s.pageListener.Close() })
	return s.page.Handler, s
}

// browse sends a request as a browser does, with the cookies that it has.
func browse(t *testing.T, h http.Handler, method, path, body string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "localhost:8090"
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	h.ServeHTTP(w, r)
	return w
}

// signIn signs in with a token, and returns the cookie.
func signIn(t *testing.T, h http.Handler, token string) *http.Cookie {
	t.Helper()
	w := browse(t, h, http.MethodPost, "/session", `{"secret": "`+token+`"}`)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusNoContent || len(cookies) != 1 {
		t.Fatalf("got %d %s with the cookies %v, want 204 with one", w.Code, w.Body, cookies)
	}
	return cookies[0]
}

func testBrowserSignsInOnce(t *testing.T) {
	h, _ := servePage(t, func(o *Options) {
		o.Credentials = credentials(t, twoTenants+"\n- {name: ann, namespaces: [bank], basic: {username: ann, password: her-password}}")
	})
	if w := browse(t, h, http.MethodGet, "/v1/scaledobjects", ""); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("got %d with the challenge %q, want 401 without one", w.Code, w.Header().Get("WWW-Authenticate"))
	}
	c := signIn(t, h, "token-of-shop")
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "" || c.Secure || strings.Contains(c.Value, "token") {
		t.Errorf("got the cookie %+v, want HttpOnly, SameSite=Strict and no path", c)
	}
	if w := browse(t, h, http.MethodGet, "/v1/scaledobjects", "", c); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `["shop"]`) {
		t.Errorf("got %d %s, want the objects of shop", w.Code, w.Body)
	}
	if w := browse(t, h, http.MethodGet, "/v1/namespaces/bank/scaledobjects/web", "", c); w.Code != http.StatusForbidden {
		t.Errorf("got %d for another namespace, want 403", w.Code)
	}
	w := browse(t, h, http.MethodPost, "/session", `{"username": "ann", "secret": "her-password"}`)
	if w.Code != http.StatusNoContent {
		t.Fatalf("got %d for a password, want 204", w.Code)
	}
	if w := browse(t, h, http.MethodGet, "/v1/scaledobjects", "", w.Result().Cookies()...); !strings.Contains(w.Body.String(), `["bank"]`) {
		t.Errorf("got %s, want the objects of bank", w.Body)
	}
	if removed := browse(t, h, http.MethodDelete, "/session", "", c).Result().Cookies(); len(removed) != 1 || removed[0].MaxAge >= 0 || removed[0].Value != "" {
		t.Errorf("got %v after signing out, want the cookie removed", removed)
	}
	behindTLS := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/session", strings.NewReader(`{"secret": "token-of-shop"}`))
	behindTLS.Header.Set("Content-Type", "application/json")
	behindTLS.Header.Set("X-Forwarded-Proto", "https")
	recorded := httptest.NewRecorder()
	if h.ServeHTTP(recorded, behindTLS); len(recorded.Result().Cookies()) != 1 || !recorded.Result().Cookies()[0].Secure {
		t.Errorf("behind a proxy with TLS: got %v, want a cookie with Secure", recorded.Result().Cookies())
	}
}

func testSessionIsNotAcceptedByListenerForSenders(t *testing.T) {
	r := &record{}
	h, s := servePage(t, func(o *Options) {
		o.Credentials = credentials(t, twoTenants)
		o.Receiver = receiver(r, o)
	})
	c := signIn(t, h, "token-of-all")
	for _, request := range []struct{ method, path, body string }{
		{http.MethodGet, "/v1/scaledobjects", ""}, {http.MethodGet, "/metrics", ""}, {http.MethodPost, "/v1/alertmanager/shop", one},
	} {
		if w := browse(t, s.http.Handler, request.method, request.path, request.body, c); w.Code != http.StatusUnauthorized {
			t.Errorf("%s %s: got %d, want 401", request.method, request.path, w.Code)
		}
	}
	if len(r.alerts) > 0 {
		t.Errorf("recorded %v", r.alerts)
	}
}

func testNothingOnPagesListenerChangesAnything(t *testing.T) {
	r := &record{}
	h, _ := servePage(t, func(o *Options) { o.Receiver = receiver(r, o) })
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		for _, path := range []string{"/v1/alertmanager/shop", "/v1/webhook/shop/jobs", levelPath, "/v1/scaledobjects", "/v1/namespaces/shop/scaledobjects/web", "/"} {
			if w := browse(t, h, method, path, one); w.Code != http.StatusMethodNotAllowed && w.Code != http.StatusNotFound {
				t.Errorf("%s %s: got %d, want 404 or 405", method, path, w.Code)
			}
		}
	}
	if len(r.alerts) > 0 {
		t.Errorf("recorded %v", r.alerts)
	}
}

func testWrongCredentialDoesNotSignIn(t *testing.T) {
	now := time.Now()
	h, _ := servePage(t, func(o *Options) {
		o.Credentials, o.Now = credentials(t, twoTenants), func() time.Time { return now }
	})
	for body, code := range map[string]int{
		`{"secret": "token-of-nobody"}`: 401, `{"username": "all", "secret": "token-of-all"}`: 401, `{"secret": ""}`: 400, `{}`: 400, `x`: 400,
		`{"secret": "` + strings.Repeat("x", maxSignIn) + `"}`: 400,
	} {
		if w := browse(t, h, http.MethodPost, "/session", body); w.Code != code || len(w.Result().Cookies()) > 0 {
			t.Errorf("%.60s: got %d with the cookies %v, want %d with none", body, w.Code, w.Result().Cookies(), code)
		}
	}
	form := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/session", strings.NewReader("secret=token-of-all"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, form); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("a form: got %d, want 415", w.Code)
	}
	for range signInBurst {
		browse(t, h, http.MethodPost, "/session", `{"secret": "token-of-nobody"}`)
	}
	if w := browse(t, h, http.MethodPost, "/session", `{"secret": "token-of-all"}`); w.Code != http.StatusServiceUnavailable {
		t.Errorf("after many attempts: got %d, want 503", w.Code)
	}
	now = now.Add(time.Second)
	signIn(t, h, "token-of-all")
}

func testSessionEnds(t *testing.T) {
	now := time.Now()
	h, _ := servePage(t, func(o *Options) {
		o.Credentials, o.Now = credentials(t, twoTenants), func() time.Time { return now }
	})
	c := signIn(t, h, "token-of-all")
	now = now.Add(sessionLifetime - time.Second)
	if w := browse(t, h, http.MethodGet, "/v1/scaledobjects", "", c); w.Code != http.StatusOK {
		t.Errorf("got %d before the end, want 200", w.Code)
	}
	now = now.Add(2 * time.Second)
	if w := browse(t, h, http.MethodGet, "/v1/scaledobjects", "", c); w.Code != http.StatusUnauthorized {
		t.Errorf("got %d after the end, want 401", w.Code)
	}
}

func testPageWorksBehindPrefix(t *testing.T) {
	h, s := servePage(t, func(o *Options) { o.PagePrefix = "/tools/impulse" })
	for path, want := range map[string]string{
		"/tools/impulse/": "file /", "/": "file /", "/tools/impulse/app.js": "file /app.js", "/app.js": "file /app.js",
		"/tools/impulse/v1/namespaces/shop/scaledobjects/web": `"shop/web"`, "/v1/namespaces/shop/scaledobjects/web": `"shop/web"`,
		"/tools/impulsive/": "file /tools/impulsive/",
	} {
		if w := browse(t, h, http.MethodGet, path, ""); w.Code != http.StatusOK || w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
	if w := browse(t, h, http.MethodGet, "/tools/impulse", ""); w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != "/tools/impulse/" {
		t.Errorf("without a slash: got %d to %q, want a redirect", w.Code, w.Header().Get("Location"))
	}
	if url := s.PageURL(); !strings.HasPrefix(url, "http://127.0.0.1:") || !strings.HasSuffix(url, "/tools/impulse/") {
		t.Errorf("got the URL %s", url)
	}
	o := s.options
	for _, wrong := range []string{"impulse", "/impulse/", "//evil.example", "/a b", "/"} {
		o.PagePrefix, o.Registry = wrong, prometheus.NewRegistry()
		if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--page-prefix") {
			t.Errorf("prefix %q: got %v, want an error that names the flag", wrong, err)
		}
	}
}

func testEveryAnswerRestrictsBrowser(t *testing.T) {
	h, _ := servePage(t, nil)
	for _, path := range []string{"/", "/v1/scaledobjects", "/v1/scaledobjects/stream", "/session"} {
		header := browse(t, h, http.MethodGet, path, "").Header()
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none';", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		} {
			if !strings.HasPrefix(header.Get(name), want) {
				t.Errorf("%s: got %s %q, want %q", path, name, header.Get(name), want)
			}
		}
	}
}

func testAnotherSitesPageCannotAsk(t *testing.T) {
	h, _ := servePage(t, nil)
	for _, c := range []struct {
		site, mode, path string
		code             int
	}{
		{"cross-site", "cors", "/v1/scaledobjects", 403},
		{"same-site", "cors", "/v1/scaledobjects", 403},
		{"cross-site", "navigate", "/", 200},
		{"none", "navigate", "/", 200},
		{"same-origin", "cors", "/v1/scaledobjects", 200},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody)
		r.Host = "localhost:8090"
		r.Header.Set("Sec-Fetch-Site", c.site)
		r.Header.Set("Sec-Fetch-Mode", c.mode)
		if h.ServeHTTP(w, r); w.Code != c.code {
			t.Errorf("%+v: got %d", c, w.Code)
		}
	}
}

func testReachableAddressNeedsCredentials(t *testing.T) {
	_, s := servePage(t, nil)
	o := s.options
	o.PageAddr, o.Registry = "0.0.0.0:0", prometheus.NewRegistry()
	if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--page-listen") || !strings.Contains(err.Error(), "--tokens-file") {
		t.Errorf("got %v, want an error that names the flags", err)
	}
	o.PageAddr, o.Registry = "nonsense", prometheus.NewRegistry()
	if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "expected host:port") {
		t.Errorf("got %v, want an error that says what was expected", err)
	}
}

func testAddressInUseStopsProcessOnlyIfAskedFor(t *testing.T) {
	var lc net.ListenConfig
	used, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = used.Close() })
	var log bytes.Buffer
	_, s := serve(t, &record{}, func(o *Options) {
		o.PageAddr, o.PageOptional, o.Log = used.Addr().String(), true, slog.New(slog.NewTextHandler(&log, nil))
	})
	if s.page != nil || s.PageURL() != "" || !strings.Contains(log.String(), "--page-listen") {
		t.Errorf("got the URL %q and the log %q, want no page and a warning", s.PageURL(), log.String())
	}
	o := s.options
	o.Addr, o.PageOptional, o.Registry = "127.0.0.1:0", false, prometheus.NewRegistry()
	if _, err := New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--page-listen") {
		t.Errorf("got %v, want an error that names the flag", err)
	}
}
