package credentials

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/control/vault"
	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestVault(t *testing.T) {
	t.Run("parameters come from a vault, with a token of a Secret", testParametersComeFromVault)
	t.Run("a service account signs in with a token that the API server issues", testServiceAccountSignsInToVault)
	t.Run("Impulse's own token is no proof, and a file only below the folder (CVE-2025-68476 of KEDA)", testOwnTokenIsNoProof)
	t.Run("values are read again after a minute, and kept with the reason while that fails", testValuesAreKeptWhileVaultFails)
}

// fakeVault answers as the documentation of Vault's HTTP API describes.
type fakeVault struct {
	*httptest.Server

	mu sync.Mutex
	// token is the one that is valid, and down means that every answer is 503.
	token, password string
	down            bool
	// logins are the tokens with which service accounts signed in, and reads counts readings of secrets.
	logins []string
	reads  int
}

func newFakeVault(t *testing.T) *fakeVault {
	t.Helper()
	f := &fakeVault{token: "hvs.token", password: "of the vault"}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// ServeHTTP implements http.Handler.
func (f *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var login struct{ JWT, Role string }
	switch {
	case f.down:
		http.Error(w, `{"errors": ["Vault is sealed"]}`, http.StatusServiceUnavailable)
	case r.URL.Path == "/v1/auth/kubernetes/login" && json.NewDecoder(r.Body).Decode(&login) == nil:
		f.logins = append(f.logins, login.JWT)
		_, _ = fmt.Fprintf(w, `{"auth": {"client_token": %q}}`, f.token)
	case r.Header.Get("X-Vault-Token") != f.token:
		http.Error(w, `{"errors": ["permission denied"]}`, http.StatusForbidden)
	default:
		f.reads++
		_, _ = fmt.Fprintf(w, `{"data": {"data": {"password": %q}}}`, f.password)
	}
}

// set changes what the vault answers.
func (f *fakeVault) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// spec returns a vault with the parameter password.
func (f *fakeVault) spec(authentication string, c *v1alpha1.VaultCredential) v1alpha1.TriggerAuthenticationSpec {
	return v1alpha1.TriggerAuthenticationSpec{HashiCorpVault: &v1alpha1.HashiCorpVault{
		Address: f.URL, Authentication: authentication, Mount: "kubernetes", Role: "impulse", Credential: c,
		Secrets: []v1alpha1.VaultSecret{{Parameter: "password", Path: "secret/data/db", Key: "password"}},
	}}
}

func testParametersComeFromVault(t *testing.T) {
	v, f := newCredentialsEnv(t), newFakeVault(t)
	v.put("vault", "hvs.token\n")
	v.define("vault", f.spec(v1alpha1.VaultToken, &v1alpha1.VaultCredential{TokenFrom: &v1alpha1.SecretKeyRef{Name: "vault", Key: "pw"}}))
	c := v.credentials(v.config)
	k := v.open(c, "vault")
	if got, err := v.secrets(k, "username"); err != nil || len(got) > 0 || f.reads > 0 {
		t.Errorf("a parameter of no source: got %q, the error %v and %d readings, want none", got, err, f.reads)
	}
	for range 3 {
		v.expectValue(k, "of the vault")
		v.expectValue(v.open(c, "vault"), "of the vault")
	}
	if f.reads != 1 {
		t.Errorf("the secret was read %d times, want once for all triggers", f.reads)
	}
	v.put("vault", "hvs.revoked")
	v.awaitError(k, "hashiCorpVault: parameter password: read secret/data/db: it answered 403 Forbidden: permission denied")
	v.define("vault", f.spec(v1alpha1.VaultToken, &v1alpha1.VaultCredential{Token: "hvs.token"}))
	v.awaitPassword(k, "of the vault")
	v.define("vault", f.spec(v1alpha1.VaultToken, nil))
	v.awaitError(k, "hashiCorpVault: its credential has neither token nor tokenFrom")
}

func testServiceAccountSignsInToVault(t *testing.T) {
	v, f := newCredentialsEnv(t), newFakeVault(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}
	if _, err := v.kube.CoreV1().ServiceAccounts(v.ns).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	v.define("vault", f.spec(v1alpha1.VaultKubernetes, &v1alpha1.VaultCredential{ServiceAccountName: "reader", Audience: "vault"}))
	v.expectValue(v.open(v.credentials(v.config), "vault"), "of the vault")
	if len(f.logins) != 1 || strings.Count(f.logins[0], ".") != 2 {
		t.Errorf("got the logins %q, want one with a token", f.logins)
	}
}

func testOwnTokenIsNoProof(t *testing.T) {
	v, f := newCredentialsEnv(t), newFakeVault(t)
	if err := os.Mkdir(filepath.Join(v.root, v.ns), 0o700); err != nil {
		t.Fatal(err)
	}
	k := v.open(v.credentials(v.config), "vault")
	v.define("vault", f.spec(v1alpha1.VaultKubernetes, nil))
	v.awaitError(k, "hashiCorpVault: its credential has no serviceAccountName, and the token of Impulse's own service account is sent to no vault")
	v.define("vault", f.spec(v1alpha1.VaultKubernetes, &v1alpha1.VaultCredential{ServiceAccount: "/var/run/secrets/kubernetes.io/serviceaccount/token"}))
	v.awaitError(k, "hashiCorpVault: serviceAccount /var/run/secrets/kubernetes.io/serviceaccount/token: path escapes", "--filepath-root")
	if len(f.logins) > 0 {
		t.Errorf("got the logins %q, want none", f.logins)
	}
}

func testValuesAreKeptWhileVaultFails(t *testing.T) {
	f := newFakeVault(t)
	now := time.Unix(1000, 0)
	all := newVaults()
	all.now, all.timeout = func() time.Time { return now }, testkit.Timeout
	request := vault.Request{Vault: f.spec(v1alpha1.VaultToken, nil).HashiCorpVault, Proof: "hvs.token"}
	read := func(ctx context.Context) (map[string]string, error, error) {
		return all.read(ctx, []any{"vault"}, func(ctx context.Context) (vault.Secrets, error) { return vault.Read(ctx, f.Client(), request) })
	}
	expect := func(ctx context.Context, want, stale, failure string) {
		t.Helper()
		values, old, err := read(ctx)
		if values["password"] != want || message(old) != stale || message(err) != failure {
			t.Errorf("got %q, stale %v and the error %v; want %q, %q and %q", values["password"], old, err, want, stale, failure)
		}
	}
	const sealed = "parameter password: read secret/data/db: it answered 503 Service Unavailable: Vault is sealed"
	f.set(func() { f.down = true })
	expect(t.Context(), "", "", sealed)
	f.set(func() { f.down = false })
	expect(t.Context(), "", "", sealed) // It is not asked again at once.
	now = now.Add(vaultRetry)
	expect(t.Context(), "of the vault", "", "")
	f.set(func() { f.password = "rotated" })
	now = now.Add(vaultInterval - time.Second)
	expect(t.Context(), "of the vault", "", "")
	now = now.Add(time.Second)
	expect(t.Context(), "rotated", "", "")
	f.set(func() { f.down = true })
	now = now.Add(vaultInterval)
	expect(t.Context(), "rotated", sealed, "")
	now = now.Add(100 * time.Hour)
	expect(t.Context(), "rotated", sealed, "")
	now = now.Add(vaultRetry)
	f.set(func() { f.down = false })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, stale, err := read(ended); err != nil || stale == nil {
		t.Errorf("a trigger that ended: got stale %v and the error %v, want the last value", stale, err)
	}
	expect(t.Context(), "rotated", "", "") // Its end says nothing about the vault: it is asked again at once.
}

// message returns the text of an error; "" for none.
func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
