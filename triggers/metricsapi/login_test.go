package metricsapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestLogin(t *testing.T) {
	t.Run("the request proves who the client is", testRequestProvesWhoClientIs)
	t.Run("credentials are read at each use", testCredentialsAreReadAtEachUse)
	t.Run("missing credentials are unknown, and nothing is requested", testMissingCredentialsAreUnknownAndNothingIsRequested)
	t.Run("certificates are checked, and one is sent", testCertificatesAreCheckedAndOneIsSent)
	t.Run("a rotated certificate is used at the next reading", testRotatedCertificateIsUsedAtNextReading)
	t.Run("any certificate is accepted only when configured", testAnyCertificateIsAcceptedOnlyWhenConfigured)
}

func testRequestProvesWhoClientIs(t *testing.T) {
	server, requests := recordRequests(t)
	secrets := map[string]string{"apiKey": "s3cret\n", "username": "me", "password": "pass word", "token": "t0ken"}
	for name, c := range map[string]struct {
		metadata, more []string
		header, query  string
		want           string
	}{
		"no mode":                   {nil, nil, "X-Api-Key", "", ""},
		"a key":                     {[]string{"authMode", "apiKey"}, nil, "X-Api-Key", "", "s3cret"},
		"a key with another name":   {[]string{"authModes", "apiKey", "keyParamName", "x-token"}, nil, "X-Token", "", "s3cret"},
		"a key in the query":        {[]string{"authMode", "apiKey", "method", "query"}, nil, "", "api_key", "s3cret"},
		"another name in the query": {[]string{"authMode", "apiKey", "method", "query", "keyParamName", "the key"}, nil, "", "the key", "s3cret"},
		"a key in the metadata":     {[]string{"authMode", "apiKey", "apiKey", "open"}, nil, "X-Api-Key", "", "open"},
		"the rest of the query":     {[]string{"authMode", "apiKey", "method", "query"}, nil, "", "of", "mail"},
		"basic":                     {[]string{"authMode", "basic"}, nil, "Authorization", "", "Basic bWU6cGFzcyB3b3Jk"},
		"basic without a password":  {[]string{"authMode", "basic"}, []string{"password", ""}, "Authorization", "", "Basic bWU6"},
		"bearer":                    {[]string{"authMode", "bearer"}, nil, "Authorization", "", "Bearer t0ken"},
		"bearer, the stronger name": {[]string{"authMode", "bearer"}, []string{"bearerToken", "other"}, "Authorization", "", "Bearer other"},
		"custom":                    {[]string{"authMode", "custom"}, []string{"customAuthHeader", "X-Mine", "customAuthValue", "v"}, "X-Mine", "", "v"},
		"several, the key":          {[]string{"authMode", "apiKey, bearer"}, nil, "X-Api-Key", "", "s3cret"},
		"several, the token":        {[]string{"authMode", "apiKey, bearer"}, nil, "Authorization", "", "Bearer t0ken"},
		"the stronger mode":         {[]string{"authMode", "basic", "authModes", "bearer"}, nil, "Authorization", "", "Bearer t0ken"},
		"a mode in the Secret":      {nil, []string{"authMode", "bearer"}, "Authorization", "", "Bearer t0ken"},
		"all in the Secret":         {nil, []string{"authModes", "basic,apiKey", "method", "query", "keyParamName", "k"}, "", "k", "s3cret"},
		"metadata before Secret":    {[]string{"authMode", "bearer"}, []string{"authModes", "basic"}, "Authorization", "", "Bearer t0ken"},
	} {
		all := maps.Clone(secrets)
		for i := 0; i+1 < len(c.more); i += 2 {
			all[c.more[i]] = c.more[i+1]
		}
		if _, err := read(t, metadata(server.URL+"/?of=mail", c.metadata...), all); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := <-requests
		got := r.URL.Query().Get(c.query)
		if c.query == "" {
			got = r.Header.Get(c.header)
		}
		if got != c.want {
			t.Errorf("%s: got %q in %s%s, want %q", name, got, c.header, c.query, c.want)
		}
	}
}

func testCredentialsAreReadAtEachUse(t *testing.T) {
	server, requests := recordRequests(t)
	secrets := map[string]string{"token": "first"}
	r := mustReader(t, metadata(server.URL, "authMode", "bearer"), environment(secrets))
	for _, token := range []string{"first", "second"} {
		secrets["token"] = token
		if _, err := r.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := (<-requests).Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("got the header Authorization %q, want Bearer %s", got, token)
		}
	}
}

func testMissingCredentialsAreUnknownAndNothingIsRequested(t *testing.T) {
	server, requests := recordRequests(t)
	for _, c := range []struct {
		mode    string
		secrets map[string]string
		reason  string
	}{
		{"apiKey", nil, "neither the metadata nor the authenticationRef has apiKey"},
		{"basic", map[string]string{"password": "s3cret"}, "has no parameter username"},
		{"bearer", map[string]string{"apiKey": "s3cret"}, "has no parameter bearerToken or token"},
		{"custom", map[string]string{"customAuthHeader": "X-Mine"}, "customAuthValue"},
		{"tls", nil, "has no parameter ca or cert"},
		{"tls", map[string]string{"ca": "s3cret"}, "ca is not a PEM certificate"},
		{"tls", map[string]string{"cert": "s3cret", "key": "s3cret"}, "not a PEM certificate and its key"},
		{"apiKey", map[string]string{"apiKey": "s3cret", "method": "body"}, `method of the authenticationRef "body" is not supported`},
		{"apiKey", map[string]string{"apiKey": "s3cret", "keyParamName": "a b"}, "cannot be a header"},
		{"", map[string]string{"authMode": "oauth"}, `authMode of the authenticationRef: "oauth" is not supported`},
	} {
		got, err := read(t, metadata(server.URL, "authMode", c.mode), c.secrets)
		if err == nil || !strings.Contains(err.Error(), c.reason) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %s, %v, want an error with %q", c.mode, got, err, c.reason)
		}
	}
	env, errGone := environment(nil), errors.New("no such Secret")
	env.Secrets = triggertest.SecretsFunc(func(context.Context, string) (string, error) { return "", errGone })
	if got, err := mustReader(t, metadata(server.URL, "authMode", "bearer"), env).Read(t.Context()); !errors.Is(err, errGone) {
		t.Errorf("got %s, %v, want the error of the Secret", got, err)
	}
	if len(requests) > 0 {
		t.Errorf("the server got %d requests, want 0", len(requests))
	}
}

// serveTLS starts a server with a certificate of an authority for a name. It accepts clients with a certificate of clients, if there is
// such an authority.
func serveTLS(t *testing.T, a *testkit.Authority, name string, clients *testkit.Authority) *httptest.Server {
	t.Helper()
	cert, key := a.Issue(name)
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(stats)) }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if clients != nil {
		server.TLS.ClientAuth, server.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		server.TLS.ClientCAs.AppendCertsFromPEM([]byte(clients.PEM()))
	}
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func testCertificatesAreCheckedAndOneIsSent(t *testing.T) {
	ours, others := testkit.NewAuthority(t), testkit.NewAuthority(t)
	cert, key := ours.Issue("impulse")
	foreignCert, foreignKey := others.Issue("impulse")
	plain, mutual := serveTLS(t, ours, "127.0.0.1", nil), serveTLS(t, ours, "127.0.0.1", ours)
	misnamed := serveTLS(t, ours, "orders.shop", nil)
	for name, c := range map[string]struct {
		server  *httptest.Server
		secrets map[string]string
		reason  string // "" if the number is known.
	}{
		"a known authority":      {plain, map[string]string{"ca": ours.PEM()}, ""},
		"another authority":      {plain, map[string]string{"ca": others.PEM()}, "unknown authority"},
		"another name":           {misnamed, map[string]string{"ca": ours.PEM()}, "cannot validate certificate for 127.0.0.1"},
		"a client certificate":   {mutual, map[string]string{"ca": ours.PEM(), "cert": cert, "key": key}, ""},
		"no client certificate":  {mutual, map[string]string{"ca": ours.PEM()}, "certificate required"},
		"another authority's":    {mutual, map[string]string{"ca": ours.PEM(), "cert": foreignCert, "key": foreignKey}, "tls:"},
		"the key of another one": {mutual, map[string]string{"ca": ours.PEM(), "cert": cert, "key": foreignKey}, "not a PEM certificate and its key"},
	} {
		_, err := read(t, metadata(c.server.URL), c.secrets)
		if known := c.reason == ""; known != (err == nil) {
			t.Errorf("%s, without a mode: got the error %v, want one: %t", name, err, !known)
		}
		got, err := read(t, metadata(c.server.URL, "authMode", "tls"), c.secrets)
		if c.reason == "" && (err != nil || got != 42_500) || c.reason != "" && (err == nil || !strings.Contains(err.Error(), c.reason)) {
			t.Errorf("%s: got %s, %v, want the reason %q", name, got, err, c.reason)
		}
	}
}

func testRotatedCertificateIsUsedAtNextReading(t *testing.T) {
	ours, others := testkit.NewAuthority(t), testkit.NewAuthority(t)
	server := serveTLS(t, ours, "127.0.0.1", nil)
	secrets := map[string]string{"ca": ours.PEM()}
	r := mustReader(t, metadata(server.URL, "authMode", "tls"), environment(secrets))
	for _, c := range []struct {
		ca    string
		known bool
	}{{ours.PEM(), true}, {others.PEM(), false}, {ours.PEM(), true}} {
		secrets["ca"] = c.ca
		if got, err := r.Read(t.Context()); (err == nil) != c.known {
			t.Errorf("got %s, %v, want known: %t", got, err, c.known)
		}
	}
}

func testAnyCertificateIsAcceptedOnlyWhenConfigured(t *testing.T) {
	server := serveTLS(t, testkit.NewAuthority(t), "orders.shop", nil)
	if got, err := read(t, metadata(server.URL), nil); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %s, %v, want an error of the certificate", got, err)
	}
	if got, err := read(t, metadata(server.URL, "unsafeSsl", "true"), nil); err != nil || got != 42_500 {
		t.Errorf("got %s, %v, want 42.5", got, err)
	}
}
