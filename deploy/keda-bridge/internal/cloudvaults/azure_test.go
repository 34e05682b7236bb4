package cloudvaults

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
)

func TestAzure(t *testing.T) {
	t.Run("the secrets are read with the credentials of an application", testSecretsOfAzureAreRead)
	t.Run("a vault gets no token of another service, and redirects nobody", testVaultGetsNoTokenOfAnotherService)
	t.Run("the token of the Pod goes only to an authority of Azure or of the environment", testTokenOfPodGoesToKnownAuthority)
	t.Run("errors have a code, and no more", testErrorsOfAzureHaveCode)
}

// fakeAzure answers as Azure Key Vault and Microsoft Entra document it.
type fakeAzure struct {
	mu sync.Mutex
	// challenge is what the vault asks for, and answer what it answers to a request with a token.
	challenge string
	answer    http.HandlerFunc
	// tokens are the scopes for which tokens were asked, authorities who was asked, and refused makes that an error.
	tokens      []string
	authorities []string
	refused     bool
	// sent are the hosts that received a token.
	sent []string
}

func newFakeAzure() *fakeAzure {
	return &fakeAzure{
		challenge: `Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"`,
		answer: func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"value": "value of %s", "id": "https://keda.vault.azure.net/secrets/a/b"}`, strings.TrimPrefix(r.URL.Path, "/secrets/"))
		},
	}
}

// RoundTrip implements http.RoundTripper: no request leaves the process.
func (f *fakeAzure) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	authority := "https://" + r.URL.Host
	switch {
	case strings.HasSuffix(r.URL.Path, "/discovery/instance"):
		_, _ = fmt.Fprintf(w, `{"tenant_discovery_endpoint": "%s/tenant/v2.0/.well-known/openid-configuration", "metadata": []}`, authority)
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		_, _ = fmt.Fprintf(w, `{"issuer": "%[1]s/tenant/v2.0", "authorization_endpoint": "%[1]s/tenant/authorize", "token_endpoint": "%[1]s/tenant/oauth2/v2.0/token"}`, authority)
	case strings.HasSuffix(r.URL.Path, "/token"):
		f.tokens, f.authorities = append(f.tokens, r.FormValue("scope")), append(f.authorities, r.URL.Host)
		if f.refused || r.FormValue("client_secret") != "hunter2" && r.FormValue("client_assertion") != "token-of-pod" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.WriteString(`{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret. Trace ID: 1 Timestamp: 2"}`)
			break
		}
		_, _ = w.WriteString(`{"access_token": "token-of-vault", "token_type": "Bearer", "expires_in": 3600}`)
	case r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", f.challenge)
		w.WriteHeader(http.StatusUnauthorized)
	default:
		f.sent = append(f.sent, r.URL.Host)
		f.answer(w, r)
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

// read reads a vault with a client that has the rules of the real one.
func (f *fakeAzure) read(t *testing.T, r *bridgeapi.ReadSecretsRequest) (map[string]string, error) {
	t.Helper()
	return readAzureWith(t.Context(), r, clientOf(f))
}

// ofAzure returns a request with the credentials of an application.
func ofAzure(uri string, secrets ...*bridgeapi.VaultSecret) *bridgeapi.ReadSecretsRequest {
	return &bridgeapi.ReadSecretsRequest{
		Settings:    map[string]string{"vaultUri": uri},
		Credentials: map[string]string{"clientId": "client", "tenantId": "tenant", "clientSecret": "hunter2"}, Secrets: secrets,
	}
}

func testSecretsOfAzureAreRead(t *testing.T) {
	f := newFakeAzure()
	r := ofAzure("https://keda.vault.azure.net", &bridgeapi.VaultSecret{Parameter: "a", Name: "db"}, &bridgeapi.VaultSecret{Parameter: "b", Name: "db", Version: "1"})
	got, err := f.read(t, r)
	if want := map[string]string{"a": "value of db/", "b": "value of db/1"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v and the error %v, want %v", got, err, want)
	}
	for _, scope := range f.tokens {
		if !strings.HasPrefix(scope, "https://vault.azure.net/.default") {
			t.Errorf("got a token for %s, want one for the vault", scope)
		}
	}
	for name, settings := range map[string]map[string]string{
		"another cloud": {"cloud": "AzureMoonCloud"}, "no authority": {"cloud": "Private", "keyVaultResourceURL": "https://vault.example"},
	} {
		r := ofAzure("https://keda.vault.azure.net")
		maps.Copy(r.GetSettings(), settings)
		if got, err := f.read(t, r); err == nil || !strings.Contains(err.Error(), "cloud.type: ") {
			t.Errorf("%s: got %v and the error %v, want one", name, got, err)
		}
	}
	private := ofAzure("https://keda.vault.example", &bridgeapi.VaultSecret{Parameter: "a", Name: "db"})
	maps.Copy(private.GetSettings(), map[string]string{
		"cloud": "Private", "activeDirectoryEndpoint": "https://login.example/", "keyVaultResourceURL": "https://vault.example/",
	})
	f.challenge = `Bearer authorization="https://login.example/tenant", resource="https://vault.example"`
	if got, err := f.read(t, private); err != nil || got["a"] != "value of db/" {
		t.Errorf("a private cloud: got %v and the error %v, want the value", got, err)
	}
}

func testVaultGetsNoTokenOfAnotherService(t *testing.T) {
	const ofVault = `Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"`
	for uri, c := range map[string]struct{ challenge, want string }{
		"https://vault.example":                {ofVault, "the host vault.example is not one of a vault of this cloud: its name must end with .vault.azure.cn or .vault.azure.net or "},
		"https://vault.azure.net":              {ofVault, "the host vault.azure.net is not one of a vault"},
		"https://keda.vault.azure.net.example": {ofVault, "the host keda.vault.azure.net.example is not one of a vault"},
		"http://keda.vault.azure.net":          {ofVault, "vaultUri is not an https URL"},
		"https://keda.vault.azure.net": {
			`Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://azure.net"`, "the vault asks for a token for https://azure.net/.default",
		},
	} {
		f := newFakeAzure()
		f.challenge = c.challenge
		got, err := f.read(t, ofAzure(uri, &bridgeapi.VaultSecret{Parameter: "p", Name: "db"}))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(f.tokens) > 0 || len(f.sent) > 0 {
			t.Errorf("%s: got %v, the error %v, tokens for %q and requests to %q, want %s and none", uri, got, err, f.tokens, f.sent, c.want)
		}
	}
	f := newFakeAzure()
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.vault.azure.net/secrets/db", http.StatusTemporaryRedirect)
	}
	if got, err := f.read(t, ofAzure("https://keda.vault.azure.net", &bridgeapi.VaultSecret{Parameter: "p", Name: "db"})); err == nil || len(f.sent) != 1 {
		t.Errorf("a redirect: got %v, the error %v and requests to %q, want an error and one", got, err, f.sent)
	}
}

func testTokenOfPodGoesToKnownAuthority(t *testing.T) {
	file := t.TempDir() + "/token"
	if err := os.WriteFile(file, []byte("token-of-pod"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", file)
	t.Setenv("AZURE_AUTHORITY_HOST", "https://login.internal/")
	private := func(authority string) map[string]string {
		return map[string]string{"cloud": "Private", "activeDirectoryEndpoint": authority, "keyVaultResourceURL": "https://vault.azure.net"}
	}
	for name, c := range map[string]struct {
		settings  map[string]string
		authority string
		want      string
	}{
		"a cloud":                     {map[string]string{"cloud": "AzurePublicCloud"}, "", "login.microsoftonline.com"},
		"an authority of a cloud":     {map[string]string{"cloud": "AzurePublicCloud"}, "https://login.microsoftonline.com", "login.microsoftonline.com"},
		"that of the environment":     {private("https://login.internal"), "", "login.internal"},
		"another authority":           {map[string]string{}, "https://login.example/", ""},
		"another one of its cloud":    {private("https://login.example/"), "", ""},
		"another one of the identity": {private("https://login.internal"), "https://login.example/", ""},
	} {
		f := newFakeAzure()
		r := ofAzure("https://keda.vault.azure.net", &bridgeapi.VaultSecret{Parameter: "p", Name: "db"})
		maps.Copy(r.GetSettings(), c.settings)
		r.Credentials, r.PodIdentity = nil, &bridgeapi.PodIdentity{
			Provider: "azure-workload", IdentityId: "client", IdentityTenantId: "tenant", IdentityAuthorityHost: c.authority,
		}
		got, err := f.read(t, r)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "the token of the Pod is sent only to the authorities of Azure's clouds") || len(f.authorities) > 0 {
				t.Errorf("%s: got %v, the error %v and the authorities %q, want an error and none", name, got, err, f.authorities)
			}
			continue
		}
		if err != nil || got["p"] != "value of db/" || !slices.Equal(f.authorities, []string{c.want}) {
			t.Errorf("%s: got %v, the error %v and the authorities %q, want the value and %s", name, got, err, f.authorities, c.want)
		}
	}
}

func testErrorsOfAzureHaveCode(t *testing.T) {
	for name, c := range map[string]struct {
		answer  http.HandlerFunc
		refused bool
		want    string
	}{
		"missing": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error": {"code": "SecretNotFound", "message": "A secret with (name/id) db was not found"}}`))
		}, want: "parameter p: secret db: the vault answered 404 SecretNotFound"},
		"null": {answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"value": null}`)) }, want: "the answer has no value"},
		"huge": {answer: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"value": "` + strings.Repeat("x", maxBody) + `"}`))
		}, want: "secret db: "},
		"refused": {refused: true, want: "parameter p: secret db: sign in: the authority answered with the error AADSTS7000215"},
	} {
		f := newFakeAzure()
		f.refused = c.refused
		if c.answer != nil {
			f.answer = c.answer
		}
		got, err := f.read(t, ofAzure("https://keda.vault.azure.net", &bridgeapi.VaultSecret{Parameter: "p", Name: "db"}))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 500 {
			t.Errorf("%s: got %v and the error %v, want %s", name, got, err, c.want)
		}
	}
	for _, identity := range []*bridgeapi.PodIdentity{nil, {Provider: "gcp"}} {
		r := &bridgeapi.ReadSecretsRequest{Settings: map[string]string{"vaultUri": "https://keda.vault.azure.net"}, PodIdentity: identity}
		if got, err := newFakeAzure().read(t, r); err == nil {
			t.Errorf("%v: got %v, want an error", identity, got)
		}
	}
}
