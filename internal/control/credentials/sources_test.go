package credentials

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/impulse-sh/impulse/api/v1alpha1"
	"github.com/impulse-sh/impulse/internal/testkit"
)

func TestSources(t *testing.T) {
	t.Run("parameters come from ConfigMaps, Secrets and OAuth 2 clients", testParametersComeFromConfigMapsSecretsAndOAuth2Clients)
	t.Run("an empty value is no value", testEmptyValueIsNoValue)
	t.Run("environment variables are those of the target's container", testEnvironmentVariablesAreThoseOfTargetsContainer)
	t.Run("a parameter of the authentication overrides a variable of the metadata", testParameterOfAuthenticationOverridesVariableOfMetadata)
	t.Run("a token is issued for its audience and its namespace", testTokenIsIssuedForItsAudienceAndItsNamespace)
	t.Run("a file is read below its folder only", testFileIsReadBelowItsFolderOnly)
	t.Run("a username and its password change together", testUsernameAndItsPasswordChangeTogether)
	t.Run("a change of an object that was read is notified", testChangeOfObjectThatWasReadIsNotified)
	t.Run("an object that arrives after its reading is notified", testObjectThatArrivesAfterItsReadingIsNotified)
}

// expectSecrets fails the test unless reading all these parameters returns these values.
func (v *credentialsEnv) expectSecrets(k *Credential, want map[string]string, parameters ...string) {
	v.t.Helper()
	parameters = append(parameters, slices.Collect(maps.Keys(want))...)
	if got, err := v.secrets(k, parameters...); err != nil || !maps.Equal(got, want) {
		v.t.Errorf("got %q, error %v; want %q", got, err, want)
	}
}

func (v *credentialsEnv) createConfigMap(name string, data map[string]string) {
	v.t.Helper()
	o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data, BinaryData: map[string][]byte{"binary": []byte("bytes")}}
	if _, err := v.kube.CoreV1().ConfigMaps(v.ns).Create(v.t.Context(), o, metav1.CreateOptions{}); err != nil {
		v.t.Fatal(err)
	}
}

// createTarget creates the target with the containers app and proxy.
func (v *credentialsEnv) createTarget(app ...corev1.EnvVar) {
	v.t.Helper()
	labels := map[string]string{"app": "web"}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: v.target.Name},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{
				{Name: "app", Image: "app", Env: app}, {Name: "proxy", Image: "proxy", Env: []corev1.EnvVar{{Name: "PASSWORD", Value: "of the proxy"}}},
			}}},
		},
	}
	if _, err := v.kube.AppsV1().Deployments(v.ns).Create(v.t.Context(), d, metav1.CreateOptions{}); err != nil {
		v.t.Fatal(err)
	}
}

func testParametersComeFromConfigMapsSecretsAndOAuth2Clients(t *testing.T) {
	v := newCredentialsEnv(t)
	v.createConfigMap("settings", map[string]string{"user": "me"})
	v.define("all", v1alpha1.TriggerAuthenticationSpec{
		ConfigMapTargetRef: []v1alpha1.KeyRef{
			{Parameter: "username", Name: "settings", Key: "user"}, {Parameter: "ca", Name: "settings", Key: "binary"}, {Parameter: "password", Name: "settings", Key: "user"},
		},
		SecretTargetRef: []v1alpha1.KeyRef{{Parameter: "password", Name: "db", Key: "pw"}},
		OAuth2: &v1alpha1.OAuth2{
			ClientID: "impulse", TokenURL: "https://login/token", Scopes: []string{"read", "list"}, TokenURLParams: map[string]string{"audience": "a b"},
			ClientSecret: v1alpha1.OAuth2ClientSecret{ValueFrom: v1alpha1.SecretValue{SecretKeyRef: v1alpha1.SecretKeyRef{Name: "db", Key: "pw"}}},
		},
	})
	c := v.credentials(v.config)
	k := v.open(c, "all")
	v.expectSecrets(k, map[string]string{"username": "me", "ca": "bytes", "password": "old-password"}, "token")
	v.expectSecrets(k, map[string]string{
		"oauthTokenURI": "https://login/token", "clientID": "impulse", "clientSecret": "old-password", "scopes": "read,list", "endpointParams": "audience=a+b",
	})
	v.define("all", v1alpha1.TriggerAuthenticationSpec{ConfigMapTargetRef: []v1alpha1.KeyRef{{Parameter: "password", Name: "settings", Key: "absent"}}})
	v.awaitError(k, "parameter password: config map "+v.ns+"/settings has no key absent")
	if n := c.secrets.pool.Len(); n != 0 {
		t.Errorf("%d Secrets are watched, want none: the authentication names none any more", n)
	}
}

func testEmptyValueIsNoValue(t *testing.T) {
	v := newCredentialsEnv(t)
	v.createConfigMap("settings", map[string]string{"user": "me", "password": "of the map"})
	v.createTarget(corev1.EnvVar{Name: "TOKEN", Value: "of the app"}, corev1.EnvVar{Name: "EMPTY"})
	v.put("empty", "")
	v.put("blank", " \n")
	v.define("empty", v1alpha1.TriggerAuthenticationSpec{
		ConfigMapTargetRef: []v1alpha1.KeyRef{{Parameter: "password", Name: "settings", Key: "password"}},
		SecretTargetRef: []v1alpha1.KeyRef{
			{Parameter: "password", Name: "empty", Key: "pw"}, {Parameter: "username", Name: "blank", Key: "pw"}, {Parameter: "token", Name: "empty", Key: "pw"},
		},
	})
	c := v.credentials(v.config)
	k := c.Open(Use{Target: v.target, Ref: &v1alpha1.AuthenticationRef{Name: "empty"}, Variables: map[string]string{"token": "TOKEN", "other": "EMPTY"}})
	defer k.Close()
	v.expectSecrets(k, map[string]string{"password": "of the map", "token": "of the app"}, "username", "other")
	v.put("empty", "new-password")
	awaitChange(k)
	v.awaitValue(k, "of the map", "new-password")
	v.put("empty", "")
	v.awaitValue(k, "new-password", "of the map")
}

func testEnvironmentVariablesAreThoseOfTargetsContainer(t *testing.T) {
	v := newCredentialsEnv(t)
	v.define("env", v1alpha1.TriggerAuthenticationSpec{Env: []v1alpha1.EnvironmentRef{
		{Parameter: "password", Name: "PASSWORD"}, {Parameter: "other", Name: "PASSWORD", ContainerName: "proxy"}, {Parameter: "none", Name: "NONE"},
	}})
	k := v.open(v.credentials(v.config), "env")
	v.awaitError(k, "parameter password: target "+v.ns+"/web does not exist")
	v.createTarget(fromSecret("PASSWORD", "db", "pw", false))
	v.awaitPassword(k, "old-password")
	v.expectSecrets(k, map[string]string{"password": "old-password", "other": "of the proxy"}, "none")
	v.put("db", "new-password")
	v.awaitValue(k, "old-password", "new-password")
	patch := []byte(`{"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "PASSWORD", "value": "in the template", "valueFrom": null}]}]}}}}`)
	if _, err := v.kube.AppsV1().Deployments(v.ns).Patch(t.Context(), "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	v.awaitValue(k, "new-password", "in the template")
	if shared, err := settled(t, k, k.Shared); err != nil || shared {
		t.Errorf("shared is %t, error %v; want false: another target has other variables", shared, err)
	}
	login := v.open(k.all, "login")
	if shared, err := settled(t, login, login.Shared); err != nil || !shared {
		t.Errorf("without variables, shared is %t, error %v; want true", shared, err)
	}
}

// awaitPassword waits until the parameter password is known.
func (v *credentialsEnv) awaitPassword(k *Credential, want string) {
	v.t.Helper()
	testkit.Eventually(v.t, "the password is "+want, func(ctx context.Context) bool {
		got, err := password(ctx, k)
		return got == want && err == nil
	})
}

func testParameterOfAuthenticationOverridesVariableOfMetadata(t *testing.T) {
	v := newCredentialsEnv(t)
	v.createTarget(corev1.EnvVar{Name: "PASSWORD", Value: "of the app"}, corev1.EnvVar{Name: "USERNAME", Value: "me"})
	c := v.credentials(v.config)
	variables := map[string]string{"password": "PASSWORD", "username": "USERNAME", "token": "ABSENT"}
	both := c.Open(Use{Target: v.target, Ref: &v1alpha1.AuthenticationRef{Name: "login"}, Variables: variables})
	defer both.Close()
	v.expectSecrets(both, map[string]string{"password": "old-password", "username": "me"})
	alone := c.Open(Use{Target: v.target, Container: "proxy", Variables: variables})
	defer alone.Close()
	v.expectSecrets(alone, map[string]string{"password": "of the proxy"})
	if _, err := v.secrets(alone, "token"); err == nil || !strings.Contains(err.Error(), "does not define the environment variable ABSENT") {
		t.Errorf("got error %v, want that ABSENT is not defined", err)
	}
	values, err := settled(t, alone, func(ctx context.Context) (map[string]string, error) {
		return alone.Variables(ctx, map[string]string{"host": "PASSWORD"})
	})
	if err != nil || values["host"] != "of the proxy" {
		t.Errorf("got %q, error %v; want the value of PASSWORD", values, err)
	}
}

func testTokenIsIssuedForItsAudienceAndItsNamespace(t *testing.T) {
	v := newCredentialsEnv(t)
	if _, err := v.kube.CoreV1().ServiceAccounts(v.ns).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	v.define("token", v1alpha1.TriggerAuthenticationSpec{BoundServiceAccountToken: []v1alpha1.ServiceAccountTokenRef{
		{Parameter: "password", ServiceAccountName: "reader", Audience: "thanos"}, {Parameter: "other", ServiceAccountName: "absent"},
	}})
	k := v.open(v.credentials(v.config), "token")
	read, err := v.secrets(k, "password")
	if err != nil {
		t.Fatal(err)
	}
	token := read["password"]
	var claims struct {
		Aud []string `json:"aud"`
		Sub string   `json:"sub"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || !slices.Equal(claims.Aud, []string{"thanos"}) || claims.Sub != "system:serviceaccount:"+v.ns+":reader" {
		t.Errorf("got %+v, error %v; want the audience thanos and the service account reader", claims, err)
	}
	v.expectSecrets(k, map[string]string{"password": token})
	if _, err := v.secrets(k, "other"); err == nil || !strings.Contains(err.Error(), "issue a token of the service account "+v.ns+"/absent") {
		t.Errorf("got error %v, want one that names the service account", err)
	}
}

func testFileIsReadBelowItsFolderOnly(t *testing.T) {
	v := newCredentialsEnv(t)
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(v.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(v.ns+"/db.json", `{"password": "of the file"}`)
	write("admin.json", `{"password": "of the operator"}`)
	write(v.ns+"/text.json", `password`)
	write(v.ns+"/large.json", `{"password": "`+strings.Repeat("x", maxFileBytes)+`"}`)
	if err := os.Symlink("../admin.json", filepath.Join(v.root, v.ns, "link.json")); err != nil {
		t.Fatal(err)
	}
	c := v.credentials(v.config)
	for name, want := range map[string]string{
		"db.json": "of the file", "../admin.json": "error: path escapes", "link.json": "error: path escapes", filepath.Join(v.root, "admin.json"): "error: path escapes",
		"absent.json": "error: no such file", "text.json": "error: the file is not a JSON object of texts", "large.json": "error: it has more than 1048576 bytes", ".": "error: it is not a regular file",
	} {
		v.define("file", v1alpha1.TriggerAuthenticationSpec{FilePath: name})
		k := v.open(c, "file")
		read, err := v.secrets(k, "password")
		got := read["password"]
		if err != nil {
			got = "error: " + strings.TrimPrefix(err.Error(), "filePath "+name+": ")
		}
		if !strings.HasPrefix(got, want) || strings.Contains(got, v.root) && !strings.Contains(name, v.root) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		k.Close()
	}
	cluster := &v1alpha1.ClusterTriggerAuthenticationSpec{TriggerAuthenticationSpec: v1alpha1.TriggerAuthenticationSpec{FilePath: "admin.json"}}
	k := c.Open(Use{Target: v.target, Ref: &v1alpha1.AuthenticationRef{Kind: clusterKind, Name: "shared"}})
	defer k.Close()
	r := &reading{ctx: t.Context(), k: k, wanted: []string{"password"}, values: map[string]string{}}
	if err := r.read(cluster); err != nil || r.values["password"] != "of the operator" {
		t.Errorf("a ClusterTriggerAuthentication: got %q, error %v; want the file of the operator", r.values, err)
	}
}

func testUsernameAndItsPasswordChangeTogether(t *testing.T) {
	v := newCredentialsEnv(t)
	put := func(value string) error {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "pair"}, StringData: map[string]string{"user": value, "pw": value}}
		_, err := v.kube.CoreV1().Secrets(v.ns).Update(t.Context(), secret, metav1.UpdateOptions{})
		return err
	}
	v.put("pair", "0")
	if err := put("0"); err != nil {
		t.Fatal(err)
	}
	v.authenticate("pair", v1alpha1.KeyRef{Parameter: "username", Name: "pair", Key: "user"}, v1alpha1.KeyRef{Parameter: "password", Name: "pair", Key: "pw"})
	k := v.open(v.credentials(v.config), "pair")
	v.expectSecrets(k, map[string]string{"username": "0", "password": "0"})
	const changes = 50
	done := make(chan error)
	go func() {
		var err error
		for i := range changes {
			err = errors.Join(err, put(strings.Repeat("x", i+1)))
		}
		done <- err
	}()
	pair := func(ctx context.Context) string {
		got, err := k.Secrets(ctx, "username", "password")
		if err != nil || got["username"] != got["password"] {
			t.Fatalf("got the username %q and the password %q, error %v; want a pair", got["username"], got["password"], err)
		}
		return got["username"]
	}
	for running := true; running; {
		select {
		case err := <-done:
			if running = false; err != nil {
				t.Fatal(err)
			}
		default:
		}
		pair(t.Context())
	}
	testkit.Eventually(t, "the last change is read", func(ctx context.Context) bool { return len(pair(ctx)) == changes })
}

func testChangeOfObjectThatWasReadIsNotified(t *testing.T) {
	v := newCredentialsEnv(t)
	k := v.open(v.credentials(v.config), "login")
	v.expectValue(k, "old-password")
	v.put("db", "old-password") // Without a change there is no notification.
	v.put("db", "new-password")
	awaitChange(k)
	v.expectValue(k, "new-password")
	if wasChanged(k) {
		t.Error("a second notification came, want one for one change")
	}
}

func testObjectThatArrivesAfterItsReadingIsNotified(t *testing.T) {
	v := newCredentialsEnv(t)
	c := v.credentials(v.config)
	open, arrive := c.secrets.source.open, make(chan struct{})
	c.secrets.source.open = func(ctx context.Context, name types.NamespacedName) (cache.ListerWatcher, error) {
		select {
		case <-arrive:
		case <-ctx.Done():
		}
		return open(ctx, name)
	}
	k := v.open(c, "login")
	if _, err := v.secrets(k, "username"); err != nil { // It reads the authentication.
		t.Fatal(err)
	}
	if _, err := password(WithoutWaiting(t.Context()), k); !errors.Is(err, ErrNotRead) {
		t.Fatalf("got the error %v, want %v", err, ErrNotRead)
	}
	close(arrive)
	awaitChange(k)
	v.expectValue(k, "old-password")
}
