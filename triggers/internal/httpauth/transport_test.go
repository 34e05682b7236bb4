package httpauth

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestTransport(t *testing.T) {
	t.Run("each mode sends its credentials", testEachModeSendsItsCredentials)
	t.Run("the token and the scopes have KEDA's other names, too", testParametersHaveKEDAsOtherNames)
	t.Run("the credentials may have the modes, and no request is signed then", testCredentialsMayHaveModes)
	t.Run("a missing parameter is named", testMissingParameterIsNamed)
	t.Run("a token is requested once, and again after a refusal or a change", testTokenIsRequestedOnceAndAgainAfterRefusalOrChange)
	t.Run("a failed request for a token does not reveal the secret", testFailedRequestForTokenDoesNotRevealSecret)
	t.Run("certificates are verified and sent", testCertificatesAreVerifiedAndSent)
	t.Run("a redirect of the token endpoint is refused", testRedirectOfTokenEndpointIsRefused)
}

// parse returns the modes in a text.
func parse(t *testing.T, value string) Modes {
	t.Helper()
	modes, err := Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return modes
}

// get sends a request, and returns the status code.
func get(t *testing.T, via http.RoundTripper, url string) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := via.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	if len(r.Header) > 0 {
		t.Errorf("the request of the caller was changed: %v", r.Header)
	}
	return resp.StatusCode, resp.Body.Close()
}

func testParametersHaveKEDAsOtherNames(t *testing.T) {
	var got http.Header
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer s.Close()
	for _, secrets := range []map[string]string{{"token": "right\n"}, {"bearerToken": "right", "token": "other"}} {
		if _, err := get(t, &Transport{Modes: parse(t, "bearer"), Secrets: triggertest.Secrets(secrets)}, s.URL); err != nil || got.Get("Authorization") != "Bearer right" {
			t.Errorf("%v: the server received %q, %v, want the token right", secrets, got.Get("Authorization"), err)
		}
	}
	l := newLogin(t)
	secrets := triggertest.Secrets(map[string]string{"oauthTokenURI": l.URL + "/token", "clientID": "impulse", "clientSecret": "correct", "scope": "a,b"})
	if _, err := get(t, &Transport{Modes: parse(t, "oauth"), Secrets: secrets}, l.URL); err != nil || l.form != "a b " {
		t.Errorf("the server of tokens received %q, %v, want the scopes a b", l.form, err)
	}
}

func testCredentialsMayHaveModes(t *testing.T) {
	var got http.Header
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer s.Close()
	for name, c := range map[string]struct {
		modes   string
		secrets map[string]string
		want    string
		signed  string
	}{
		"authModes":                  {"", map[string]string{"authModes": "bearer", "token": "right"}, "Bearer right", ""},
		"authMode":                   {"", map[string]string{"authMode": "bearer", "token": "right"}, "Bearer right", ""},
		"the metadata have them too": {"basic", map[string]string{"authModes": "bearer", "token": "right", "username": "me"}, "Basic bWU6", ""},
		"none":                       {"", map[string]string{"token": "right"}, "", "yes"},
	} {
		sign := func(r *http.Request) error {
			r.Header.Set("Signed", "yes")
			return nil
		}
		_, err := get(t, &Transport{Modes: parse(t, c.modes), Secrets: triggertest.Secrets(c.secrets), Sign: sign}, s.URL)
		if err != nil || got.Get("Authorization") != c.want || got.Get("Signed") != c.signed {
			t.Errorf("%s: the server received %q, signed %q, %v, want %q, %q", name, got.Get("Authorization"), got.Get("Signed"), err, c.want, c.signed)
		}
	}
	_, err := get(t, &Transport{Secrets: triggertest.Secrets(map[string]string{"authModes": "digest"})}, s.URL)
	if err == nil || !strings.Contains(err.Error(), `read the authenticationRef: authModes: "digest" is not supported`) {
		t.Errorf("an unknown mode: got the error %v", err)
	}
}

func testEachModeSendsItsCredentials(t *testing.T) {
	var got http.Header
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer s.Close()
	secrets := map[string]string{
		"bearerToken": "token\n", "username": "me", "password": "pass word", "customAuthHeader": "x-api-key", "customAuthValue": "key",
	}
	for modes, want := range map[string]map[string]string{
		"":                {"Authorization": "", "X-Api-Key": ""},
		"bearer":          {"Authorization": "Bearer token", "X-Api-Key": ""},
		"basic":           {"Authorization": "Basic bWU6cGFzcyB3b3Jk"},
		"custom, bearer":  {"Authorization": "Bearer token", "X-Api-Key": "key"},
		"custom":          {"Authorization": "", "X-Api-Key": "key"},
		"bearer, ,bearer": nil,
	} {
		if want == nil {
			if _, err := Parse(modes); err == nil {
				t.Errorf("%s: got no error", modes)
			}
			continue
		}
		if code, err := get(t, &Transport{Modes: parse(t, modes), Secrets: triggertest.Secrets(secrets)}, s.URL); err != nil || code != http.StatusOK {
			t.Errorf("%s: got %d, error %v", modes, code, err)
		}
		for name, value := range want {
			if got.Get(name) != value {
				t.Errorf("%s: the server received %s %q, want %q", modes, name, got.Get(name), value)
			}
		}
	}
}

func testMissingParameterIsNamed(t *testing.T) {
	for modes, want := range map[string]string{
		"bearer": "no parameter bearerToken", "basic": "no parameter username", "oauth": "no parameter oauthTokenURI", "custom": "no parameter customAuthHeader", "tls": "no parameter cert",
	} {
		_, err := get(t, &Transport{Modes: parse(t, modes), Secrets: triggertest.Secrets(nil)}, "http://127.0.0.1:1")
		if err == nil || !strings.Contains(err.Error(), "authModes is "+modes+", but the authenticationRef has "+want) {
			t.Errorf("%s: got error %v, want %s", modes, err, want)
		}
	}
	bad := map[string]string{"customAuthHeader": "X Y", "customAuthValue": "v"}
	if _, err := get(t, &Transport{Modes: Modes{Custom}, Secrets: triggertest.Secrets(bad)}, "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "are not a header") {
		t.Errorf("an invalid header: got error %v", err)
	}
	for modes, want := range map[string]string{"bearer,basic": "bearer and basic exclude each other", "digest": `"digest" is not supported`} {
		if _, err := Parse(modes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %s", modes, err, want)
		}
	}
}

// login is a server with a token endpoint, which accepts the newest token.
type login struct {
	*httptest.Server

	mu      sync.Mutex
	issued  int
	revoked bool
	form    string
}

func newLogin(t *testing.T) *login {
	t.Helper()
	l := &login{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if r.URL.Path == "/token" {
			l.issue(w, r)
			return
		}
		if l.revoked || r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", l.issued) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(l.Close)
	return l
}

// issue answers a request for a token.
func (l *login) issue(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != "impulse" || !strings.HasPrefix(secret, "correct") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error": "invalid_client", "error_description": "%s is wrong"}`, secret)
		return
	}
	l.issued++
	l.revoked, l.form = false, r.PostFormValue("scope")+" "+r.PostFormValue("audience")
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token": "token-%d", "token_type": "bearer", "expires_in": 3600}`, l.issued)
}

func testTokenIsRequestedOnceAndAgainAfterRefusalOrChange(t *testing.T) {
	l := newLogin(t)
	secrets := map[string]string{
		"oauthTokenURI": l.URL + "/token", "clientID": "impulse", "clientSecret": "correct horse", "scopes": "read, list", "endpointParams": "audience=metrics",
	}
	via := &Transport{Modes: Modes{OAuth}, Secrets: triggertest.Secrets(secrets)}
	expect := func(what string, wantCode, wantIssued int) {
		t.Helper()
		if code, err := get(t, via, l.URL); err != nil || code != wantCode || l.issued != wantIssued {
			t.Errorf("%s: got %d, %d tokens, error %v; want %d, %d tokens", what, code, l.issued, err, wantCode, wantIssued)
		}
	}
	expect("the first request", http.StatusOK, 1)
	expect("the second request", http.StatusOK, 1)
	if l.form != "read list metrics" {
		t.Errorf("the token endpoint received %q, want the scopes and the audience", l.form)
	}
	l.revoked = true
	expect("a revoked token", http.StatusUnauthorized, 1)
	expect("the request after it", http.StatusOK, 2)
	secrets["clientSecret"] = "correct battery"
	expect("another secret", http.StatusOK, 3)
}

func testFailedRequestForTokenDoesNotRevealSecret(t *testing.T) {
	l := newLogin(t)
	empty := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer empty.Close()
	for want, secrets := range map[string]map[string]string{
		"it answered 401 Unauthorized invalid_client": {"oauthTokenURI": l.URL + "/token", "clientID": "impulse", "clientSecret": "s3cret"},
		"its answer has no token":                     {"oauthTokenURI": empty.URL, "clientID": "impulse", "clientSecret": "s3cret"},
		"connection refused":                          {"oauthTokenURI": "http://" + testkit.FreeAddress(t) + "/?s3cret", "clientID": "impulse", "clientSecret": "s3cret"},
		"is not an http or https URL":                 {"oauthTokenURI": "s3cret", "clientID": "impulse"},
		"endpointParams of the authenticationRef is":  {"oauthTokenURI": l.URL, "clientID": "impulse", "endpointParams": "s3cret;%"},
	} {
		_, err := get(t, &Transport{Modes: Modes{OAuth}, Secrets: triggertest.Secrets(secrets)}, l.URL)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

func testCertificatesAreVerifiedAndSent(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for name, c := range map[string]struct {
		secrets map[string]string
		unsafe  bool
		want    string
	}{
		"unknown authority":   {want: "certificate"},
		"its authority":       {secrets: map[string]string{"ca": ca}},
		"any certificate":     {unsafe: true},
		"no certificate":      {secrets: map[string]string{"ca": "s3cret"}, want: "ca is not a PEM certificate"},
		"a broken client key": {secrets: map[string]string{"ca": ca, "cert": ca, "key": "s3cret"}, want: "cert and key are not a PEM certificate"},
	} {
		code, err := get(t, &Transport{Secrets: triggertest.Secrets(c.secrets), UnsafeSSL: c.unsafe}, s.URL)
		if c.want == "" && (err != nil || code != http.StatusOK) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || strings.Contains(fmt.Sprint(err), "s3cret") {
			t.Errorf("%s: got %d, error %v; want error %q", name, code, err, c.want)
		}
	}
}

func testRedirectOfTokenEndpointIsRefused(t *testing.T) {
	reached := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer elsewhere.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	secrets := map[string]string{"oauthTokenURI": s.URL, "clientID": "impulse", "clientSecret": "s3cret"}
	_, err := get(t, &Transport{Modes: Modes{OAuth}, Secrets: triggertest.Secrets(secrets)}, s.URL)
	if err == nil || !strings.Contains(err.Error(), "it redirects to "+elsewhere.URL) || reached {
		t.Errorf("got error %v, and the other server was reached: %t; want that the redirect is refused", err, reached)
	}
}
