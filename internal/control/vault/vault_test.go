package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

func TestRead(t *testing.T) {
	t.Run("secrets of both versions of the key-value engine and a certificate are read", testSecretsAreRead)
	t.Run("a path is read once", testPathIsReadOnce)
	t.Run("a service account signs in", testServiceAccountSignsIn)
	t.Run("the lifetime is that of the shortest lease or certificate", testLifetimeIsThatOfShortestLease)
	t.Run("what is no secret is an error with its reason and without the token", testWhatIsNoSecretIsError)
	t.Run("no other server gets the token", testNoOtherServerGetsToken)
	t.Run("a server that does not answer ends with the context", testServerThatDoesNotAnswerEndsWithContext)
}

// fakeVault answers as the documentation of Vault's HTTP API describes: neither Vault nor OpenBao can be built from Go modules that are
// published.
type fakeVault struct {
	*httptest.Server

	mu       sync.Mutex
	requests []string
	// answers are bodies by path. An answer that does not begin with { is a status.
	answers map[string]string
}

const (
	rootToken = "hvs.root-token"
	oneToken  = "hvs.one-login"
)

func newFakeVault(t *testing.T) *fakeVault {
	t.Helper()
	f := &fakeVault{answers: map[string]string{
		"/v1/secret/data/orders":    `{"data": {"data": {"user": "reader", "password": "p2", "port": 5432}, "metadata": {"version": 3}}, "lease_duration": 0}`,
		"/v1/kv/orders":             `{"data": {"password": "p1", "data": "text"}, "lease_duration": 2764800}`,
		"/v1/secret/data/deleted":   `{"data": {"data": null, "metadata": {"deletion_time": "2026-01-01T00:00:00Z"}}}`,
		"/v1/database/creds/reader": `{"lease_id": "database/creds/reader/1", "lease_duration": 3600, "data": {"username": "v-1", "password": "d1"}}`,
		"/v1/pki/issue/web": fmt.Sprintf(`{"data": {"certificate": "CERT", "private_key": "KEY", "ca_chain": ["A", "B"], "expiration": %d}}`,
			time.Now().Add(30*time.Minute).Unix()),
		"/v1/broken/text":  `{"data": "no object"}`,
		"/v1/broken/large": `{"data": {"password": "` + strings.Repeat("x", maxAnswer) + `"}}`,
		"/v1/broken/down":  "500 Internal Server Error",
		"/v1/broken/html":  "200 <html>",
	}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeVault) serve(w http.ResponseWriter, r *http.Request) {
	var body map[string]string
	if r.Method != http.MethodGet && json.NewDecoder(r.Body).Decode(&body) != nil {
		http.Error(w, `{"errors": ["no JSON"]}`, http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, fmt.Sprintf("%s %s %v", r.Method, r.Header.Get("X-Vault-Namespace")+r.URL.Path, body))
	switch token := r.Header.Get("X-Vault-Token"); {
	case r.URL.Path == "/v1/auth/cluster/a/login" && body["jwt"] == "the.account" && body["role"] == "keda":
		fmt.Fprintf(w, `{"auth": {"client_token": %q, "renewable": true}}`, oneToken)
		return
	case strings.HasSuffix(r.URL.Path, "/login"):
		http.Error(w, `{"errors": ["invalid role name"]}`, http.StatusBadRequest)
		return
	case token != rootToken && token != oneToken:
		http.Error(w, `{"errors": ["permission denied"]}`, http.StatusForbidden)
		return
	}
	switch answer, ok := f.answers[r.URL.Path]; {
	case !ok:
		http.Error(w, `{"errors": []}`, http.StatusNotFound)
	case strings.HasPrefix(answer, "{"):
		_, _ = w.Write([]byte(answer)) // The client may have gone.
	default:
		var status int
		_, _ = fmt.Sscan(answer, &status)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}
}

// with returns a request for secrets with a token.
func (f *fakeVault) with(secrets ...v1alpha1.VaultSecret) Request {
	return Request{Proof: rootToken, Vault: &v1alpha1.HashiCorpVault{Address: f.URL + "/", Authentication: v1alpha1.VaultToken, Secrets: secrets}}
}

// read reads secrets with a client that has no connection left afterwards.
func read(t *testing.T, r Request) (Secrets, error) {
	t.Helper()
	via := &http.Client{Transport: &http.Transport{}}
	defer via.CloseIdleConnections()
	return Read(t.Context(), via, r)
}

func secret(path, key, kind string) v1alpha1.VaultSecret {
	return v1alpha1.VaultSecret{Parameter: path + " " + key + " " + kind, Path: path, Key: key, Type: kind}
}

func testSecretsAreRead(t *testing.T) {
	f := newFakeVault(t)
	issued := secret("pki/issue/web", "ca_chain", "pki")
	issued.PKIData = &v1alpha1.VaultPKIData{CommonName: "impulse", TTL: "30m"}
	got, err := read(t, f.with(
		secret("secret/data/orders", "password", "secretV2"), secret("/secret/data/orders/", "user", ""), secret("kv/orders", "password", ""),
		secret("kv/orders", "data", "secret"), issued,
	))
	want := map[string]string{
		"secret/data/orders password secretV2": "p2", "/secret/data/orders/ user ": "reader", "kv/orders password ": "p1", "kv/orders data secret": "text",
		"pki/issue/web ca_chain pki": "A\nB",
	}
	if err != nil || !maps.Equal(got.Values, want) {
		t.Errorf("got %q and the error %v, want %q", got.Values, err, want)
	}
	if last := f.requests[len(f.requests)-1]; last != "PUT /v1/pki/issue/web map[common_name:impulse ttl:30m]" {
		t.Errorf("got the request %s, want what the certificate is for", last)
	}
}

func testPathIsReadOnce(t *testing.T) {
	f := newFakeVault(t)
	if _, err := read(t, f.with(secret("database/creds/reader", "username", ""), secret("database/creds/reader", "password", ""))); err != nil || len(f.requests) != 1 {
		t.Errorf("got the error %v and the requests %q, want one", err, f.requests)
	}
}

func testServiceAccountSignsIn(t *testing.T) {
	f := newFakeVault(t)
	r := f.with(secret("kv/orders", "password", ""))
	r.Proof = "the.account"
	r.Vault.Authentication, r.Vault.Mount, r.Vault.Role, r.Vault.Namespace = v1alpha1.VaultKubernetes, "cluster/a", "keda", "team"
	got, err := read(t, r)
	if err != nil || got.Values["kv/orders password "] != "p1" {
		t.Errorf("got %q and the error %v, want the secret", got.Values, err)
	}
	if first := f.requests[0]; !strings.HasPrefix(first, "POST team/v1/auth/cluster/a/login ") {
		t.Errorf("got the request %s, want the login in the namespace team", first)
	}
	r.Vault.Role = "other"
	if _, err := read(t, r); err == nil || err.Error() != "sign in: it answered 400 Bad Request: invalid role name" {
		t.Errorf("another role: got the error %v, want the reason of the server", err)
	}
}

func testLifetimeIsThatOfShortestLease(t *testing.T) {
	f := newFakeVault(t)
	certificate := secret("pki/issue/web", "certificate", "pki")
	for name, c := range map[string]struct {
		secrets  []v1alpha1.VaultSecret
		from, to time.Duration
	}{
		"without a lease": {[]v1alpha1.VaultSecret{secret("kv/orders", "password", "")}, 0, 0},
		"a lease":         {[]v1alpha1.VaultSecret{secret("database/creds/reader", "password", ""), secret("kv/orders", "password", "")}, time.Hour, time.Hour},
		"a certificate":   {[]v1alpha1.VaultSecret{secret("database/creds/reader", "password", ""), certificate}, time.Minute, 30 * time.Minute},
	} {
		got, err := read(t, f.with(c.secrets...))
		if err != nil || got.Lifetime < c.from || got.Lifetime > c.to {
			t.Errorf("%s: got %s and the error %v, want %s to %s", name, got.Lifetime, err, c.from, c.to)
		}
	}
}

func testWhatIsNoSecretIsError(t *testing.T) {
	f := newFakeVault(t)
	for want, change := range map[string]func(*Request){
		"read kv/absent: it answered 404 Not Found: there is no secret at this path":    func(r *Request) { r.Vault.Secrets[0].Path = "kv/absent" },
		"secret/data/orders: it has no key absent":                                      func(r *Request) { r.Vault.Secrets[0].Key = "absent" },
		"secret/data/orders: its key port is not a text":                                func(r *Request) { r.Vault.Secrets[0].Key = "port" },
		"secret/data/deleted: it has no key password":                                   func(r *Request) { r.Vault.Secrets[0].Path = "secret/data/deleted" },
		"kv/orders: the answer has no secret of version 2":                              func(r *Request) { r.Vault.Secrets[0] = secret("kv/orders", "password", "secretV2") },
		"read broken/text: the answer is not the JSON of a vault":                       func(r *Request) { r.Vault.Secrets[0].Path = "broken/text" },
		"read broken/html: the answer is not the JSON of a vault":                       func(r *Request) { r.Vault.Secrets[0].Path = "broken/html" },
		"read broken/large: the answer has more than 1048576 bytes":                     func(r *Request) { r.Vault.Secrets[0].Path = "broken/large" },
		"read broken/down: it answered 500 Internal Server Error":                       func(r *Request) { r.Vault.Secrets[0].Path = "broken/down" },
		"read secret/data/orders: it answered 403 Forbidden: permission denied":         func(r *Request) { r.Proof = "hvs.revoked" },
		`the address "vault:8200" is not an http or https URL`:                          func(r *Request) { r.Vault.Address = "vault:8200" },
		`the address "http://u:p@vault" is not an http or https URL`:                    func(r *Request) { r.Vault.Address = "http://u:p@vault" },
		"read secret/data/orders: ask " + strings.TrimPrefix(f.URL, "http://") + ": ":   func(r *Request) { r.Vault.Address = strings.Replace(f.URL, "http:", "https:", 1) },
		"read secret/data/orders: ask 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: conn": func(r *Request) { r.Vault.Address = "http://127.0.0.1:1" },
	} {
		r := f.with(secret("secret/data/orders", "password", ""))
		change(&r)
		got, err := read(t, r)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), r.Proof) {
			t.Errorf("got %q and the error %v, want %s", got.Values, err, want)
		}
	}
}

func testNoOtherServerGetsToken(t *testing.T) {
	other := newFakeVault(t)
	standby := httptest.NewServer(http.RedirectHandler(other.URL+"/v1/kv/orders", http.StatusTemporaryRedirect))
	defer standby.Close()
	r := other.with(secret("kv/orders", "password", ""))
	r.Vault.Address = standby.URL
	_, err := read(t, r)
	if want := "it redirects to " + other.URL + ", and the token is sent to no other server"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got the error %v, want %s", err, want)
	}
	if len(other.requests) > 0 {
		t.Errorf("got the requests %q, want none", other.requests)
	}
}

func testServerThatDoesNotAnswerEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
		close(ended)
	}))
	defer silent.Close()
	r := Request{Proof: rootToken, Vault: &v1alpha1.HashiCorpVault{Address: silent.URL, Authentication: v1alpha1.VaultToken, Secrets: []v1alpha1.VaultSecret{secret("a", "b", "")}}}
	if _, err := Read(ctx, silent.Client(), r); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want %v", err, context.Canceled)
	}
	<-ended
}

// FuzzValue checks that an answer gives a text of the secret or an error, and that no error repeats a value.
func FuzzValue(f *testing.F) {
	for _, content := range []string{`{"data": {"data": {"k": "hunter2hunter2"}}}`, `{"data": {"k": ["hunter2hunter2", 1]}}`, `{"data": {"k": 1}}`, `{}`, `[]`, `{"data": {"data": 3}}`} {
		f.Add(content, "k", "pki")
	}
	f.Fuzz(func(t *testing.T, content, key, kind string) {
		response := httptest.NewRecorder()
		_, _ = response.WriteString(content) // A recorder takes everything.
		a, err := decode(response.Result())
		if err == nil {
			_, err = valueOf(&v1alpha1.VaultSecret{Key: key, Type: kind}, a.Data)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2hunter2") && !strings.Contains(key, "hunter2hunter2") {
			t.Errorf("%s: the error %v has the value", content, err)
		}
	})
}
