package credentials

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/impulse-sh/impulse/actuator"
	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/kube/apiclient"
	"github.com/impulse-sh/impulse/internal/kube/typed"
	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
)

func TestSecrets(t *testing.T) {
	t.Run("a rotated Secret is read without an error", testRotatedSecretIsReadWithoutError)
	t.Run("nothing is watched without a trigger that needs it", testNothingIsWatchedWithoutTriggerThatNeedsIt)
	t.Run("a missing Secret is reported, and read once it is created", testMissingSecretIsReportedAndReadOnceItIsCreated)
	t.Run("the permission to read one Secret is enough", testPermissionToReadOneSecretIsEnough)
	t.Run("the last value stands while the API server is unavailable", testLastValueStandsWhileAPIServerIsUnavailable)
	t.Run("a cancelled read returns at once", testCancelledReadReturnsAtOnce)
}

// credentialsEnv is a namespace with a Secret db, and the TriggerAuthentication login that takes the parameter password from it.
type credentialsEnv struct {
	t      *testing.T
	ns     string
	config *rest.Config
	kube   *kubernetes.Clientset
	ours   rest.Interface
	// target is the target of the triggers, and root the folder of files. Neither exists at first.
	target actuator.Target
	root   string
}

func newCredentialsEnv(t *testing.T) *credentialsEnv {
	t.Helper()
	config := sandbox.Config(t)
	sandbox.ApplyCRDs(t, "../../../deploy/crds")
	return openCredentialsEnv(t, config, sandbox.Namespace(t, config))
}

func openCredentialsEnv(t *testing.T, config *rest.Config, ns string) *credentialsEnv {
	t.Helper()
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := apiclient.New(config)
	if err != nil {
		t.Fatal(err)
	}
	v := &credentialsEnv{t: t, ns: ns, config: config, kube: kube, ours: ours, root: t.TempDir()}
	v.target = actuator.Target{Namespace: ns, APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}
	v.put("db", "old-password")
	v.authenticate("login", v1alpha1.KeyRef{Parameter: "password", Name: "db", Key: "pw"})
	return v
}

// put creates a Secret with a value under the key pw, or changes the value.
func (v *credentialsEnv) put(name, value string) {
	v.t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"pw": value}}
	_, err := v.kube.CoreV1().Secrets(v.ns).Create(v.t.Context(), secret, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = v.kube.CoreV1().Secrets(v.ns).Update(v.t.Context(), secret, metav1.UpdateOptions{})
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *credentialsEnv) remove(name string) {
	v.t.Helper()
	if err := v.kube.CoreV1().Secrets(v.ns).Delete(v.t.Context(), name, metav1.DeleteOptions{}); err != nil {
		v.t.Fatal(err)
	}
}

// authenticate creates a TriggerAuthentication with these references, or replaces it.
func (v *credentialsEnv) authenticate(name string, refs ...v1alpha1.KeyRef) {
	v.t.Helper()
	v.define(name, v1alpha1.TriggerAuthenticationSpec{SecretTargetRef: refs})
}

// define creates a TriggerAuthentication, or replaces it.
func (v *credentialsEnv) define(name string, spec v1alpha1.TriggerAuthenticationSpec) {
	v.t.Helper()
	a := &v1alpha1.TriggerAuthentication{
		TypeMeta:   metav1.TypeMeta{APIVersion: "impulse.sh/v1alpha1", Kind: "TriggerAuthentication"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: v.ns}, Spec: spec,
	}
	at := v.ours.Delete().Namespace(v.ns).Resource("triggerauthentications").Name(name)
	if err := at.Do(v.t.Context()).Error(); err != nil && !apierrors.IsNotFound(err) {
		v.t.Fatal(err)
	}
	if err := v.ours.Post().Namespace(v.ns).Resource("triggerauthentications").Body(a).Do(v.t.Context()).Error(); err != nil {
		v.t.Fatal(err)
	}
}

// credentials returns the Credentials of a process with the permissions of a configuration.
func (v *credentialsEnv) credentials(config *rest.Config) *Credentials {
	v.t.Helper()
	ours, err := apiclient.New(config)
	core, err2 := typed.NewCore(config)
	reviews, err3 := typed.NewReviews(config)
	targets, err4 := actuator.New(config, actuator.Options{})
	if err = errors.Join(err, err2, err3, err4); err != nil {
		v.t.Fatal(err)
	}
	return New(Options{
		Client: ours, Core: core, Self: reviews, Watch: targets.WatchTarget, ClusterNamespace: v.ns, Root: v.root,
	})
}

// open returns the credential of a trigger that refers to an authentication.
func (v *credentialsEnv) open(c *Credentials, name string) *Credential {
	v.t.Helper()
	k := c.Open(Use{Target: v.target, Ref: &v1alpha1.AuthenticationRef{Name: name}})
	v.t.Cleanup(k.Close)
	return k
}

// wasChanged reports whether an object that k has read has changed since the last call of wasChanged or awaitChange.
func wasChanged(k *Credential) bool {
	changed := false
	k.Watch(func() { changed = true })()
	return changed
}

// awaitChange waits for such a change.
func awaitChange(k *Credential) {
	changed := make(chan struct{}, 1)
	defer k.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	<-changed
}

// password returns the parameter password.
func password(ctx context.Context, k *Credential) (string, error) {
	values, err := k.Secrets(ctx, "password")
	return values["password"], err
}

// settled returns what read returns of k. It reads again as long as readings take all of readTimeout: a busy API server answers too late, and
// k is notified of what arrives then.
func settled[T any](t *testing.T, k *Credential, read func(context.Context) (T, error)) (value T, err error) {
	t.Helper()
	ctx, late := t.Context(), false // An attempt's own context ends before readTimeout.
	testkit.Eventually(t, "the API server answers in time", func(context.Context) bool {
		begin := time.Now()
		value, err = read(ctx)
		if err != nil && time.Since(begin) >= readTimeout {
			late = true
			return false
		}
		return true
	})
	if late {
		wasChanged(k)
	}
	return value, err
}

// secrets returns the values of parameters.
func (v *credentialsEnv) secrets(k *Credential, parameters ...string) (map[string]string, error) {
	v.t.Helper()
	return settled(v.t, k, func(ctx context.Context) (map[string]string, error) { return k.Secrets(ctx, parameters...) })
}

// expectValue fails the test unless the parameter password has the value want.
func (v *credentialsEnv) expectValue(k *Credential, want string) {
	v.t.Helper()
	if got, err := v.secrets(k, "password"); got["password"] != want || err != nil {
		v.t.Fatalf("the password is %q, error %v; want %q", got["password"], err, want)
	}
}

// awaitValue waits until the parameter password changes from before to want. Any other value, and an error, fails the test.
func (v *credentialsEnv) awaitValue(k *Credential, before, want string) {
	v.t.Helper()
	testkit.Eventually(v.t, "the new value is read", func(ctx context.Context) bool {
		got, err := password(ctx, k)
		if err != nil || got != before && got != want {
			v.t.Fatalf("the password is %q, error %v; want %q and then %q", got, err, before, want)
		}
		return got == want
	})
}

// awaitError waits until reading the parameter password fails with an error that contains these words. The error must never contain
// the secret.
func (v *credentialsEnv) awaitError(k *Credential, words ...string) {
	v.t.Helper()
	var got string
	defer func() {
		if v.t.Failed() {
			v.t.Logf("the last error was: %s", got)
		}
	}()
	testkit.Eventually(v.t, "the error contains "+strings.Join(words, ", "), func(ctx context.Context) bool {
		_, err := password(ctx, k)
		if err == nil {
			return false
		}
		if got = err.Error(); strings.Contains(got, "old-password") {
			v.t.Fatal("the error contains the secret")
		}
		for _, word := range words {
			if !strings.Contains(got, word) {
				return false
			}
		}
		return true
	})
}

// expectWatches fails the test unless this many authentications and Secrets are watched.
func (v *credentialsEnv) expectWatches(c *Credentials, authentications, secrets int) {
	v.t.Helper()
	if a, s := c.namespaced.pool.Len(), c.secrets.pool.Len(); a != authentications || s != secrets {
		v.t.Fatalf("%d authentications and %d Secrets are watched, want %d and %d", a, s, authentications, secrets)
	}
}

func testRotatedSecretIsReadWithoutError(t *testing.T) {
	v := newCredentialsEnv(t)
	k := v.open(v.credentials(v.config), "login")
	v.expectValue(k, "old-password")
	v.put("db", "new-password")
	v.awaitValue(k, "old-password", "new-password")
	v.put("other", "third-password")
	v.authenticate("login", v1alpha1.KeyRef{Parameter: "password", Name: "other", Key: "pw"})
	testkit.Eventually(t, "the other Secret is read", func(ctx context.Context) bool {
		got, err := password(ctx, k)
		return got == "third-password" && err == nil
	})
	v.expectWatches(k.all, 1, 1)
}

func testNothingIsWatchedWithoutTriggerThatNeedsIt(t *testing.T) {
	v := newCredentialsEnv(t)
	c := v.credentials(v.config)
	first, second := v.open(c, "login"), v.open(c, "login")
	v.expectWatches(c, 0, 0)
	if got, err := v.secrets(first, "username"); len(got) > 0 || err != nil {
		t.Errorf("a parameter that the authentication does not have: got %q and error %v, want none", got, err)
	}
	v.expectWatches(c, 1, 0)
	v.expectValue(first, "old-password")
	v.expectValue(second, "old-password")
	v.expectWatches(c, 1, 1)
	first.Close()
	v.expectWatches(c, 1, 1)
	v.expectValue(first, "old-password") // A reading was under way.
	second.Close()
	v.expectWatches(c, 0, 0)
	v.expectValue(second, "old-password")
	v.expectWatches(c, 0, 0)
}

func testMissingSecretIsReportedAndReadOnceItIsCreated(t *testing.T) {
	v := newCredentialsEnv(t)
	c := v.credentials(v.config)
	k := v.open(c, "login")
	v.expectValue(k, "old-password")
	v.remove("db")
	v.awaitError(k, "parameter password", "secret "+v.ns+"/db does not exist")
	v.put("db", "new-password")
	testkit.Eventually(t, "it is there again", func(ctx context.Context) bool {
		got, err := password(ctx, k)
		return got == "new-password" && err == nil
	})
	v.awaitError(v.open(c, "nobody"), "trigger authentication "+v.ns+"/nobody does not exist")
	v.authenticate("login", v1alpha1.KeyRef{Parameter: "password", Name: "db", Key: "no-such-key"})
	v.awaitError(k, "secret "+v.ns+"/db has no key no-such-key")
	cluster := c.Open(Use{Target: actuator.Target{Namespace: "elsewhere"}, Ref: &v1alpha1.AuthenticationRef{Kind: clusterKind, Name: "nobody"}})
	defer cluster.Close()
	v.awaitError(cluster, "cluster trigger authentication nobody does not exist")
}

// as returns the configuration of a new service account that may read TriggerAuthentications, and a function that allows it to read
// the Secrets of these names. The function is called once at most.
func (v *credentialsEnv) as(name string) (*rest.Config, func(secrets ...string)) {
	v.t.Helper()
	ctx := v.t.Context()
	_, err := v.kube.CoreV1().ServiceAccounts(v.ns).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	grant := func(role string, rules ...rbacv1.PolicyRule) error {
		_, err := v.kube.RbacV1().Roles(v.ns).Create(ctx, &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: role}, Rules: rules}, metav1.CreateOptions{})
		_, err2 := v.kube.RbacV1().RoleBindings(v.ns).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: v.ns, Name: name}},
		}, metav1.CreateOptions{})
		return errors.Join(err, err2)
	}
	verbs := []string{"get", "list", "watch"}
	err = errors.Join(err, grant("objects", rbacv1.PolicyRule{APIGroups: []string{"impulse.sh"}, Resources: []string{"triggerauthentications"}, Verbs: verbs}))
	if err != nil {
		v.t.Fatal(err)
	}
	config := rest.CopyConfig(v.config)
	config.Impersonate.UserName = "system:serviceaccount:" + v.ns + ":" + name
	return config, func(secrets ...string) {
		v.t.Helper()
		if err := grant("secrets", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: secrets, Verbs: verbs}); err != nil {
			v.t.Fatal(err)
		}
	}
}

func testPermissionToReadOneSecretIsEnough(t *testing.T) {
	v := newCredentialsEnv(t)
	config, allow := v.as("impulse")
	k := v.open(v.credentials(config), "login")
	v.awaitError(k, "watch secret "+v.ns+"/db", "forbidden")
	allow("db")
	testkit.Eventually(t, "the permission is there", func(ctx context.Context) bool {
		got, err := password(ctx, k)
		return got == "old-password" && err == nil
	})
	v.put("db", "new-password")
	v.awaitValue(k, "old-password", "new-password")
	v.put("theirs", "their-password")
	v.authenticate("login", v1alpha1.KeyRef{Parameter: "password", Name: "theirs", Key: "pw"})
	v.awaitError(k, "watch secret "+v.ns+"/theirs", "forbidden")
}

func testLastValueStandsWhileAPIServerIsUnavailable(t *testing.T) {
	outage := sandbox.NewControlPlane(t)
	outage.ApplyCRDs("../../../deploy/crds")
	v := openCredentialsEnv(t, outage.Config, "default")
	c := v.credentials(v.config)
	k := v.open(c, "login")
	v.expectValue(k, "old-password")
	outage.Stop("kube-apiserver")
	v.expectValue(k, "old-password")
	fresh := v.credentials(v.config)
	late := v.open(fresh, "login")
	if _, err := password(t.Context(), late); err == nil || !strings.Contains(err.Error(), "watch trigger authentication default/login") {
		t.Errorf("with the API server away, and never read before: got error %v, want one that names the authentication", err)
	}
	outage.Start("kube-apiserver")
	v.put("db", "new-password")
	v.awaitValue(k, "old-password", "new-password")
	testkit.Eventually(t, "who came too early reads it as well", func(ctx context.Context) bool {
		got, err := password(ctx, late)
		return got == "new-password" && err == nil
	})
	v.remove("db")
	v.awaitError(k, "does not exist")
}

// silentAddress returns an address that accepts connections and sends nothing.
func silentAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func testCancelledReadReturnsAtOnce(t *testing.T) {
	v := newCredentialsEnv(t)
	config := rest.CopyConfig(v.config)
	config.Host = "https://" + silentAddress(t)
	k := v.open(v.credentials(config), "login")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, errors.New("enough"))
	defer cancel()
	if _, err := password(ctx, k); err == nil || !strings.Contains(err.Error(), "has not been read yet") {
		t.Errorf("got error %v, want that it has not been read yet", err)
	}
}
