package httpserver

import (
	"net/http"
	"reflect"
	"testing"
)

func TestAccess(t *testing.T) {
	t.Run("a refusal does not reveal what was wrong", testRefusalDoesNotRevealWhatWasWrong)
	t.Run("the namespace receiver is named after the credential", testNamespaceReceiverIsNamedAfterCredential)
	t.Run("any credential may read metrics, and health needs none", testAnyCredentialMayReadMetricsAndHealthNeedsNone)
}

func testRefusalDoesNotRevealWhatWasWrong(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) {
		o.Credentials = credentials(t, `[{name: a, namespaces: [shop], basic: {username: me, password: "password"}}, {name: b, namespaces: [bank], token: token-of-b}]`)
	})
	var previous http.Header
	for what, header := range map[string]string{
		"nobody": "", "an unknown user": password("you", "password"), "no base64": "Basic !",
		"a wrong password": password("me", "pass"), "a wrong token": "Bearer token-of-c", "another scheme": "Digest x",
	} {
		w := post(t, h, "/v1/alertmanager/shop", one, header)
		if w.Code != http.StatusUnauthorized || w.Body.String() != "no access\n" || len(w.Header().Values("WWW-Authenticate")) != 2 {
			t.Errorf("%s: %d %q %v; want 401, no access\n, 2", what, w.Code, w.Body, w.Header())
		}
		if previous != nil && !reflect.DeepEqual(w.Header(), previous) {
			t.Errorf("%s gets the header %v, another one %v", what, w.Header(), previous)
		}
		previous = w.Header()
	}
	w := post(t, h, "/v1/alertmanager/bank", one, password("me", "password"))
	if w.Code != http.StatusForbidden || w.Body.String() != "no access\n" {
		t.Errorf("another namespace: %d %q; want 403, no access\n", w.Code, w.Body)
	}
	if w := post(t, h, "/v1/alertmanager/No+Namespace", one, ""); w.Code != http.StatusUnauthorized {
		t.Errorf("the answer tells whether a path is valid: %d; want 401", w.Code)
	}
}

func testNamespaceReceiverIsNamedAfterCredential(t *testing.T) {
	r := &record{}
	h, _ := serve(t, r, func(o *Options) {
		o.Credentials = credentials(t, "- {name: eu, namespaces: [shop], token: token-of-eu}\n- {name: us, namespaces: ['*'], token: token-of-us}\n- {name: eu, namespaces: [shop], token: next-of-eu}")
	})
	for _, token := range []string{"token-of-eu", "next-of-eu", "token-of-us"} {
		if w := post(t, h, "/v1/alertmanager/shop", one, "Bearer "+token); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s; want 200", token, w.Code, w.Body)
		}
	}
	if len(r.endpoints) != 3 || r.endpoints[0].String() != "shop/eu" || r.endpoints[1] != r.endpoints[0] || r.endpoints[2].String() != "shop/us" {
		t.Errorf("the endpoints are %v", r.endpoints)
	}
}

func testAnyCredentialMayReadMetricsAndHealthNeedsNone(t *testing.T) {
	h, _ := serve(t, &record{}, func(o *Options) { o.Credentials = credentials(t, "- {name: a, namespaces: [shop], token: token-of-a}") })
	for _, c := range []struct {
		path, authorization string
		code                int
	}{
		{"/metrics", "", http.StatusUnauthorized},
		{"/metrics", "Bearer token-of-b", http.StatusUnauthorized},
		{"/metrics", "Bearer token-of-a", http.StatusOK},
		{"/healthz", "", http.StatusOK},
		{"/readyz", "", http.StatusOK},
	} {
		if w := send(t, h, http.MethodGet, c.path, http.NoBody, c.authorization); w.Code != c.code {
			t.Errorf("%s with %q: %d; want %v", c.path, c.authorization, w.Code, c.code)
		}
	}
}

// password returns the Authorization header of a username and a password.
func password(username, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(username, password)
	return r.Header.Get("Authorization")
}
