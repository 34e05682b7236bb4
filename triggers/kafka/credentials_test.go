package kafka

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/internal/privatekey"
)

func TestCredentials(t *testing.T) {
	t.Run("every way to log in works", testEveryWayToLogInWorks)
	t.Run("wrong or missing credentials are unknown and not repeated", testWrongOrMissingCredentialsAreUnknown)
	t.Run("a rotated credential takes effect at the next reading", testRotatedCredentialTakesEffect)
	t.Run("credentials that are incomplete or not supported are named", testIncompleteCredentialsAreNamed)
	t.Run("the certificates of brokers are checked", testCertificatesOfBrokersAreChecked)
	t.Run("the permissions in the README are enough", testPermissionsInReadmeAreEnough)
	t.Run("a missing permission is unknown", testMissingPermissionIsUnknown)
	t.Run("a token comes from the token endpoint, and once for all brokers", testTokenComesFromEndpoint)
	t.Run("a client secret is not sent to another server, or repeated", testClientSecretStaysHome)
}

// secured returns options for a cluster in which admin and reader log in.
func secured(options ...kfake.Opt) []kfake.Opt {
	return append([]kfake.Opt{
		kfake.EnableSASL(), kfake.Superuser("PLAIN", "admin", "admin-pw"), kfake.Superuser("PLAIN", "reader", "hunter2"),
		kfake.Superuser("SCRAM-SHA-256", "reader", "hunter2"), kfake.Superuser("SCRAM-SHA-512", "reader", "hunter2"),
	}, options...)
}

// asAdmin replaces the test's client by one that logs in as admin.
func (c *cluster) asAdmin() *cluster {
	c.t.Helper()
	c.client = c.newClient(kgo.SASL(plain.Auth{User: "admin", Pass: "admin-pw"}.AsMechanism()))
	return c
}

func testEveryWayToLogInWorks(t *testing.T) {
	c := start(t, secured()...)
	secrets := map[string]string{"username": "reader", "password": "hunter2\n"}
	for _, mechanism := range []string{"plaintext", "scram_sha256", "scram_sha512"} {
		newReader(t, Kafka(), c.metadata("sasl", mechanism), secrets).expect(t, 3)
		newReader(t, Apache(), c.metadata(), with(secrets, "sasl", mechanism)).expect(t, 3)
	}
	newReader(t, Kafka(), start(t).metadata("sasl", "none"), with(secrets, "sasl", "plaintext")).expect(t, 3)
}

func testWrongOrMissingCredentialsAreUnknown(t *testing.T) {
	c := start(t, secured()...)
	wrong := map[string]string{"username": "reader", "password": "hunter3"}
	for _, mechanism := range []string{"plaintext", "scram_sha256", "scram_sha512"} {
		newReader(t, Kafka(), c.metadata("sasl", mechanism), wrong).expectUnknown(t, "the broker closed the connection")
	}
	newReader(t, Kafka(), c.metadata(), nil).expectUnknown(t, "is SASL missing?")
	// A real broker has an answer, which may repeat what it refuses.
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		answer, _ := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		answer.ErrorCode, answer.ErrorMessage = kerr.SaslAuthenticationFailed.Code, new("reader has not the password\nhunter3")
		return answer, nil, true
	})
	r := newReader(t, Kafka(), c.metadata("sasl", "plaintext"), wrong)
	r.expectUnknown(t, "SASL_AUTHENTICATION_FAILED")
	if _, err := r.Read(t.Context()); strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), "reader") {
		t.Errorf("the reason repeats the credentials: %v", err)
	}
}

func testRotatedCredentialTakesEffect(t *testing.T) {
	c := start(t, secured()...).asAdmin()
	secrets := map[string]string{"username": "reader", "password": "hunter2"}
	r := newReader(t, Kafka(), c.metadata("sasl", "scram_sha256"), secrets)
	r.expect(t, 3)
	dials := r.dials()
	r.expect(t, 3)
	if got := r.dials() - dials; got != 0 {
		t.Errorf("a reading with the same credentials opened %d connections, want 0", got)
	}
	first := r.connection.session
	set := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	user := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	user.Name, user.Mechanism, user.Iterations, user.Salt = "second", 1, 4096, []byte("salt")
	user.SaltedPassword = saltedPassword(t, "hunter4", user.Salt, int(user.Iterations))
	set.Upsertions = append(set.Upsertions, user)
	c.check(request[*kmsg.AlterUserSCRAMCredentialsResponse](c, set).Results[0].ErrorCode)
	secrets["username"], secrets["password"] = "second", "hunter4"
	r.expect(t, 3)
	if first.client.Ping(t.Context()) == nil {
		t.Error("the connection with the old credentials is still open")
	}
}

func testIncompleteCredentialsAreNamed(t *testing.T) {
	c := start(t)
	for _, x := range []struct {
		secrets map[string]string
		want    string
	}{
		{map[string]string{"sasl": "plaintext", "username": "u"}, "does not have both username and password"},
		{map[string]string{"sasl": "scram_sha512", "password": "p"}, "does not have both username and password"},
		{map[string]string{"sasl": "gssapi", "username": "u", "password": "p"}, "sasl is gssapi, which only the KEDA bridge has"},
		{map[string]string{"sasl": "hunter2"}, "the credential sasl is not supported"},
		{map[string]string{"sasl": "oauthbearer", "username": "u", "password": "p"}, "has no parameter oauthTokenEndpointUri"},
		{
			map[string]string{"sasl": "oauthbearer", "saslTokenProvider": "aws_msk_iam"},
			"saslTokenProvider is aws_msk_iam, which only the KEDA bridge has",
		},
		{
			map[string]string{"sasl": "oauthbearer", "username": "u", "password": "p", "oauthTokenEndpointUri": "http://a", "oauthExtensions": "x"},
			"oauthExtensions does not have the form",
		},
		{map[string]string{"tls": "yes"}, "the credential tls is neither enable nor disable"},
		{map[string]string{"tls": "enable", "ca": "nonsense"}, "the credential ca is not a PEM certificate"},
		{map[string]string{"tls": "enable", "cert": "nonsense"}, "the credentials cert and key are not"},
	} {
		newReader(t, Kafka(), c.metadata(), x.secrets).expectUnknown(t, x.want)
	}
	r := newReader(t, Kafka(), c.metadata(), nil)
	r.secrets = func(context.Context, ...string) (map[string]string, error) { return nil, errors.New("no such Secret") }
	r.expectUnknown(t, "read the credentials: no such Secret")
}

func testCertificatesOfBrokersAreChecked(t *testing.T) {
	authority, other := testkit.NewAuthority(t), testkit.NewAuthority(t)
	pair := func(name string) tls.Certificate {
		cert, key := authority.Issue(name)
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return pair
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority.PEM()))
	serve := func(name string) map[string]string {
		fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, "orders"), kfake.TLS(&tls.Config{
			Certificates: []tls.Certificate{pair(name)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, MinVersion: tls.VersionTLS12,
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(fake.Close)
		c := &cluster{servers: fake.ListenAddrs()[0]}
		return c.metadata("tls", "enable")
	}
	cert, key := authority.Issue("worker")
	secrets := map[string]string{"ca": authority.PEM(), "cert": cert, "key": key}
	right, wrong := serve("127.0.0.1"), serve("broker.shop")
	newReader(t, Kafka(), right, secrets).expect(t, 3)
	newReader(t, Apache(), right, secrets).expect(t, 3)
	encrypted := with(secrets, "key", testkit.EncryptKey(t, key, "hunter2"))
	newReader(t, Kafka(), right, with(encrypted, "keyPassword", "hunter2\n")).expect(t, 3)
	newReader(t, Kafka(), right, with(encrypted, "keyPassword", "hunter3")).expectUnknown(t, privatekey.ErrEncrypted.Error())
	newReader(t, Kafka(), right, encrypted).expectUnknown(t, privatekey.ErrNoPassword.Error())
	newReader(t, Kafka(), right, with(secrets, "ca", other.PEM())).expectUnknown(t, "unknown authority")
	newReader(t, Kafka(), right, map[string]string{"ca": authority.PEM()}).expectUnknown(t, "")
	newReader(t, Kafka(), wrong, secrets).expectUnknown(t, "TLS handshake: tls: failed to verify certificate: x509: ")
	wrong["unsafeSsl"] = "true"
	newReader(t, Kafka(), wrong, secrets).expect(t, 3)
	right["tls"] = "disable"
	newReader(t, Kafka(), right, secrets).expectUnknown(t, "is TLS missing?")
	delete(right, "tls")
	newReader(t, Kafka(), right, with(secrets, "tls", "enable")).expect(t, 3)
}

// permission is what the README says.
func permission(resource kmsg.ACLResourceType, name string) kfake.ACL {
	return kfake.ACL{Resource: resource, Name: name, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true}
}

func testPermissionsInReadmeAreEnough(t *testing.T) {
	c := start(t, secured(kfake.EnableACLs(), kfake.User("PLAIN", "worker", "pw",
		permission(kmsg.ACLResourceTypeTopic, "orders"), permission(kmsg.ACLResourceTypeGroup, "billing")))...).asAdmin()
	c.produce("orders", 0, 5)
	c.commit("orders", 0, 1)
	secrets := map[string]string{"username": "worker", "password": "pw"}
	newReader(t, Kafka(), c.metadata("sasl", "plaintext"), secrets).expect(t, 6)
	newReader(t, Kafka(), c.metadata("sasl", "plaintext", "topic", ""), secrets).expect(t, 6)
}

func testMissingPermissionIsUnknown(t *testing.T) {
	c := start(t, secured(kfake.EnableACLs(),
		kfake.User("PLAIN", "topics", "pw", permission(kmsg.ACLResourceTypeTopic, "orders")),
		kfake.User("PLAIN", "groups", "pw", permission(kmsg.ACLResourceTypeGroup, "billing")))...)
	for user, want := range map[string]string{"topics": "GROUP_AUTHORIZATION_FAILED", "groups": "TOPIC_AUTHORIZATION_FAILED"} {
		newReader(t, Kafka(), c.metadata("sasl", "plaintext"), map[string]string{"username": user, "password": "pw"}).expectUnknown(t, want)
	}
}

// tokenServer starts an OAuth 2 server; answer replies to a request with the client's credentials.
func tokenServer(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server
}

// tokenOf returns the first message of a login with a token.
func tokenOf(t *testing.T, a access) (string, error) {
	t.Helper()
	login, err := a.login(t.Context(), http.DefaultClient)
	if err != nil {
		return "", err
	}
	_, message, err := login.Authenticate(t.Context(), "broker:9092")
	return string(message), err
}

func testTokenComesFromEndpoint(t *testing.T) {
	asked := 0
	server := tokenServer(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		user, password, _ := r.BasicAuth()
		if user != "client" || password != "hunter2" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "read write" {
			t.Errorf("got %s:%s and %s", user, password, r.Form)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"tok","token_type":"Bearer","expires_in":3600}`))
	})
	a := access{
		mechanism: mechanismToken, username: "client", password: "hunter2", tokenURL: server.URL, scopes: "read,write", extensions: "logicalCluster=lkc-1",
	}
	login, err := a.login(t.Context(), http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, message, err := login.Authenticate(t.Context(), "broker:9092")
		if err != nil || !strings.Contains(string(message), "auth=Bearer tok\x01logicalCluster=lkc-1") {
			t.Errorf("got the message %q, %v; want one with the token", message, err)
		}
	}
	if asked != 1 {
		t.Errorf("the endpoint was asked %d times, want 1", asked)
	}
}

func testClientSecretStaysHome(t *testing.T) {
	other := tokenServer(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	for _, answer := range []http.HandlerFunc{
		func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		},
		func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			http.Error(w, "wrong secret "+password, http.StatusUnauthorized)
		},
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hunter2 is no token")) },
	} {
		server := tokenServer(t, answer)
		message, err := tokenOf(t, access{mechanism: mechanismToken, username: "client", password: "hunter2", tokenURL: server.URL})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %q, %v; want an error without the secret", message, err)
		}
	}
}

// saltedPassword returns what a broker keeps of a password for SCRAM-SHA-256.
func saltedPassword(t *testing.T, password string, salt []byte, iterations int) []byte {
	t.Helper()
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		t.Fatal(err)
	}
	return salted
}
