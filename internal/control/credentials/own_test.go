package credentials

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestOwn(t *testing.T) {
	t.Run("no object of another namespace is read or watched", testNoObjectOfAnotherNamespaceIsReadOrWatched)
	t.Run("no token of Impulse's own service account is issued (CVE-2026-77524 of KEDA)", testNoTokenOfOwnServiceAccountIsIssued)
	t.Run("no token is issued as long as Impulse's own account is unknown", testNoTokenIsIssuedWhileOwnAccountIsUnknown)
}

// requested records the paths of requests to the API server.
type requested struct {
	next http.RoundTripper

	mu    sync.Mutex
	paths []string
}

// RoundTrip implements http.RoundTripper.
func (r *requested) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.paths = append(r.paths, request.URL.Path)
	r.mu.Unlock()
	return r.next.RoundTrip(request)
}

func testNoObjectOfAnotherNamespaceIsReadOrWatched(t *testing.T) {
	v := newCredentialsEnv(t)
	theirs := openCredentialsEnv(t, v.config, sandbox.Namespace(t, v.config))
	theirs.put("db", "their-password")
	theirs.put("only-theirs", "their-password")
	theirs.authenticate("only-theirs", v1alpha1.KeyRef{Parameter: "password", Name: "db", Key: "pw"})
	seen := &requested{}
	config := rest.CopyConfig(v.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		seen.next = next
		return seen
	})
	c := v.credentials(config)
	k := v.open(c, "login")
	v.expectValue(k, "old-password")
	theirs.put("db", "their-new-password")
	v.put("db", "new-password")
	awaitChange(k)
	v.awaitValue(k, "old-password", "new-password")
	v.expectWatches(c, 1, 1)
	v.awaitError(v.open(c, "only-theirs"), "trigger authentication "+v.ns+"/only-theirs does not exist")
	for _, name := range []string{"only-theirs", theirs.ns + "/only-theirs", "../../" + theirs.ns + "/secrets/only-theirs"} {
		v.authenticate("reaching", v1alpha1.KeyRef{Parameter: "password", Name: name, Key: "pw"})
		v.awaitError(v.open(c, "reaching"), "secret "+v.ns+"/"+name+" does not exist")
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.paths) == 0 {
		t.Fatal("no request was recorded")
	}
	for _, path := range seen.paths {
		if !strings.Contains(path, "/namespaces/"+v.ns+"/") {
			t.Errorf("got a request for %s, want only objects of the namespace %s", path, v.ns)
		}
	}
}

// issuer returns the configuration of the new service account impulse, which may issue tokens of all service accounts of the namespace.
func (v *credentialsEnv) issuer() *rest.Config {
	v.t.Helper()
	config, _ := v.as("impulse")
	rules := []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, Verbs: []string{"create"}}}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "tokens"}, Rules: rules}
	if _, err := v.kube.RbacV1().Roles(v.ns).Create(v.t.Context(), role, metav1.CreateOptions{}); err != nil {
		v.t.Fatal(err)
	}
	_, err := v.kube.RbacV1().RoleBindings(v.ns).Create(v.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "tokens"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "tokens"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: v.ns, Name: "impulse"}},
	}, metav1.CreateOptions{})
	if err != nil {
		v.t.Fatal(err)
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}
	if _, err := v.kube.CoreV1().ServiceAccounts(v.ns).Create(v.t.Context(), account, metav1.CreateOptions{}); err != nil {
		v.t.Fatal(err)
	}
	of := authorizationv1.ResourceAttributes{Namespace: v.ns, Verb: "create", Resource: "serviceaccounts", Subresource: "token", Name: account.Name}
	sandbox.AwaitAccess(v.t, v.kube, config.Impersonate.UserName, of, true)
	return config
}

// bound defines the authentication token, whose parameter password is a token.
func (v *credentialsEnv) bound(account, audience string) {
	v.t.Helper()
	v.define("token", v1alpha1.TriggerAuthenticationSpec{BoundServiceAccountToken: []v1alpha1.ServiceAccountTokenRef{
		{Parameter: "password", ServiceAccountName: account, Audience: audience},
	}})
}

func testNoTokenOfOwnServiceAccountIsIssued(t *testing.T) {
	v, f := newCredentialsEnv(t), newFakeVault(t)
	c := v.credentials(v.issuer())
	refused := v.ns + "/impulse is the service account of Impulse itself, whose tokens are sent to no other server; name another service account"
	v.bound("reader", "")
	if got, err := v.secrets(v.open(c, "token"), "password"); err != nil || got["password"] == "" {
		t.Fatalf("the token of another service account: got %q, error %v; want a token", got, err)
	}
	for _, audience := range []string{"", "thanos"} {
		v.bound("impulse", audience)
		v.awaitError(v.open(c, "token"), "parameter password: "+refused)
	}
	v.define("vault", f.spec(v1alpha1.VaultKubernetes, &v1alpha1.VaultCredential{ServiceAccountName: "impulse", Audience: "vault"}))
	v.awaitError(v.open(c, "vault"), "hashiCorpVault: "+refused)
	if len(f.logins) > 0 {
		t.Errorf("got the logins %q, want none", f.logins)
	}
}

func testNoTokenIsIssuedWhileOwnAccountIsUnknown(t *testing.T) {
	v := newCredentialsEnv(t)
	config := v.issuer()
	fails := true
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if fails && strings.HasSuffix(r.URL.Path, "/selfsubjectreviews") {
				r.URL.Path += "-of-nobody"
			}
			return next.RoundTrip(r)
		})
	})
	v.bound("reader", "")
	k := v.open(v.credentials(config), "token")
	v.awaitError(k, "parameter password: ask the API server for the name of Impulse's own account, whose tokens must not be issued")
	fails = false
	if got, err := v.secrets(k, "password"); err != nil || got["password"] == "" {
		t.Errorf("got %q, error %v; want a token", got, err)
	}
}

// roundTrip is a function as an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
