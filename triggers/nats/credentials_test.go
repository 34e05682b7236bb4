package nats

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestCredentials(t *testing.T) {
	t.Run("each way to log in works", testEachWayToLogInWorks)
	t.Run("a rotated Secret is used", testRotatedSecretIsUsed)
	t.Run("a Secret that is slow to read delays no message", testSecretThatIsSlowToReadDelaysNoMessage)
	t.Run("a user without the permission to ask gets that reason", testUserWithoutPermissionToAskGetsThatReason)
	t.Run("a Secret that cannot be read or used is unknown", testSecretThatCannotBeReadOrUsedIsUnknown)
	t.Run("the server's certificate is checked", testServersCertificateIsChecked)
	t.Run("a certificate of another name is refused", testCertificateOfAnotherNameIsRefused)
}

// configFile writes a server's configuration.
func configFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func testEachWayToLogInWorks(t *testing.T) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := pair.Seed()
	public, _ := pair.PublicKey()
	for name, c := range map[string]struct {
		server  string
		secrets map[string]string
	}{
		"user and password": {`authorization {users: [{user: me, password: "pass word"}]}`, map[string]string{"username": "me", "password": "pass word\n"}},
		"token":             {`authorization {token: "s3cret"}`, map[string]string{"token": "s3cret"}},
		"nkey":              {`authorization {users: [{nkey: ` + public + `}]}`, map[string]string{"nkey": string(seed) + "\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, "-c", configFile(t, "nats.conf", c.server))
			r := runSource(t, mustOpen(t, configured(s.url()), environment(c.secrets)))
			r.until("stream WORK does not exist")
			r = runSource(t, mustOpen(t, configured(s.url()), environment(map[string]string{"token": "wrong"})))
			r.until("Authorization Violation")
		})
	}
}

func testRotatedSecretIsUsed(t *testing.T) {
	s := start(t, "-c", configFile(t, "nats.conf", `authorization {users: [{user: old, password: a}, {user: new, password: b}]}`))
	var mu sync.Mutex
	secrets := map[string]string{"username": "nobody"}
	rotate := func(user, password string) {
		mu.Lock()
		defer mu.Unlock()
		secrets["username"], secrets["password"] = user, password
	}
	env := environment(nil)
	env.Secrets = triggertest.SecretsFunc(func(_ context.Context, parameter string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		return secrets[parameter], nil
	})
	source := newSource(configured(s.url()), env)
	source.rotation = 20 * time.Millisecond
	r := runSource(t, source)
	r.until("Authorization Violation")
	rotate("old", "a")
	r.until("stream WORK does not exist")
	rotate("new", "b")
	s.Eventually("the new user is connected, and only that", func(ctx context.Context) bool {
		return slices.Equal(s.users(ctx), []string{"new"})
	})
}

func testSecretThatIsSlowToReadDelaysNoMessage(t *testing.T) {
	s := start(t)
	js := s.client()
	createWork(t, js, 1)
	env := environment(nil)
	slow := make(chan struct{})
	var reads atomic.Int64
	env.Secrets = triggertest.SecretsFunc(func(ctx context.Context, _ string) (string, error) {
		if reads.Add(1) <= 8 { // The first round is prompt.
			return "", nil
		}
		if reads.Load() == 9 {
			close(slow)
		}
		<-ctx.Done()
		return "", ctx.Err()
	})
	source := newSource(configured(s.url()), env)
	source.rotation = time.Millisecond
	r := runSource(t, source)
	<-slow
	publish(t, js, 1)
	r.until("1")
}

func testUserWithoutPermissionToAskGetsThatReason(t *testing.T) {
	s := start(t, "-c", configFile(t, "nats.conf",
		`authorization {users: [{user: me, password: a, permissions: {publish: ["_INBOX.>"]}}]}`))
	r := runSource(t, mustOpen(t, configured(s.url()), environment(map[string]string{"username": "me", "password": "a"})))
	r.until(`Permissions Violation for Publish to "$JS.API.CONSUMER.INFO.WORK.workers"`)
}

func testSecretThatCannotBeReadOrUsedIsUnknown(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct {
		secrets map[string]string
		reason  string
	}{
		"several ways":            {map[string]string{"token": "hunter2", "username": "hunter2"}, "several ways to log in"},
		"no seed":                 {map[string]string{"nkey": "hunter2"}, "nkey is not the seed"},
		"no certificate":          {map[string]string{"ca": "hunter2"}, "ca is not a PEM"},
		"no pair":                 {map[string]string{"cert": "hunter2", "key": "hunter2"}, "cert and key are not"},
		"no creds":                {map[string]string{"creds": "hunter2"}, "nkeys"},
		"TLS where there is none": {map[string]string{"ca": testkit.NewAuthority(t).PEM()}, "secure connection not available"},
	} {
		t.Run(name, func(t *testing.T) {
			r := runSource(t, mustOpen(t, configured(s.url()), environment(c.secrets)))
			r.until(c.reason)
			if strings.Contains(r.lastEvent(), "hunter2") {
				t.Errorf("got %q", r.lastEvent())
			}
		})
	}
	env := environment(nil)
	env.Secrets = triggertest.SecretsFunc(func(context.Context, string) (string, error) { return "", errors.New("no such Secret") })
	runSource(t, mustOpen(t, configured(s.url()), env)).until("no such Secret")
}

func testServersCertificateIsChecked(t *testing.T) {
	ca := testkit.NewAuthority(t)
	cert, key := ca.Issue("127.0.0.1")
	clientCert, clientKey := ca.Issue("impulse")
	s := start(t, "--tls", "--tlsverify", "--tlscert", configFile(t, "cert.pem", cert), "--tlskey", configFile(t, "key.pem", key),
		"--tlscacert", configFile(t, "ca.pem", ca.PEM()))
	c := configured("tls://" + s.address)
	runSource(t, mustOpen(t, c, environment(nil))).until("certificate signed by unknown authority")
	runSource(t, mustOpen(t, c, environment(map[string]string{"ca": ca.PEM()}))).until("certificate required")
	secrets := map[string]string{"ca": ca.PEM(), "cert": clientCert, "key": clientKey}
	runSource(t, mustOpen(t, configured(s.url()), environment(secrets))).until("stream WORK does not exist")
	c.UnsafeSSL = true
	withoutCA := map[string]string{"cert": clientCert, "key": clientKey}
	runSource(t, mustOpen(t, c, environment(withoutCA))).until("stream WORK does not exist")
}

func testCertificateOfAnotherNameIsRefused(t *testing.T) {
	ca := testkit.NewAuthority(t)
	cert, key := ca.Issue("nats.example")
	s := start(t, "--tls", "--tlscert", configFile(t, "cert.pem", cert), "--tlskey", configFile(t, "key.pem", key))
	c, secrets := configured("tls://"+s.address), map[string]string{"ca": ca.PEM(), "token": "hunter2"}
	r := runSource(t, mustOpen(t, c, environment(secrets)))
	r.until("x509: cannot validate certificate for 127.0.0.1")
	c.UnsafeSSL = true
	runSource(t, mustOpen(t, c, environment(secrets))).until("stream WORK does not exist")
}
