package rabbitmq

import (
	"strings"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/internal/privatekey"
)

func TestTLS(t *testing.T) {
	t.Run("the server is verified", testServerIsVerified)
}

func testServerIsVerified(t *testing.T) {
	ca, s := testkit.NewAuthority(t), prepare(t)
	cert, key := ca.Issue("localhost")
	amqps, https := testkit.FreeAddress(t), testkit.FreeAddress(t)
	s.options = []string{
		"listeners.ssl.1 = " + amqps, "management.ssl.ip = 127.0.0.1", "management.ssl.port = " + port(https),
		"auth_mechanisms.1 = PLAIN", "auth_mechanisms.2 = EXTERNAL", "ssl_cert_login_from = common_name", "ssl_options.verify = verify_peer",
	}
	for name, content := range map[string]string{"cacertfile": ca.PEM(), "certfile": cert, "keyfile": key} {
		path := s.write(name, content)
		s.options = append(s.options, "ssl_options."+name+" = "+path, "management.ssl."+name+" = "+path)
	}
	s.restart()
	fill(t, s)
	s.awaitLevel(t, s.overHTTP(), "3")
	s.admin("PUT", "/api/users/shopper", map[string]any{"password_hash": "", "tags": ""})
	s.admin("PUT", "/api/permissions/%2F/shopper", map[string]any{"configure": "", "write": "", "read": ".*"})
	clientCert, clientKey := ca.Issue("shopper")
	client := map[string]string{"ca": ca.PEM(), "cert": clientCert, "key": clientKey}
	encrypted := with(client, "key", testkit.EncryptKey(t, clientKey, "hunter2"))
	unknown, unknownKey := ca.Issue("nobody")
	for _, c := range []struct {
		host, unsafe string
		secrets      map[string]string
		want         string
	}{
		{"amqps://localhost:" + port(amqps), "", with(admins(), "ca", ca.PEM()), "3"},
		{"https://localhost:" + port(https), "", with(admins(), "ca", ca.PEM()), "3"},
		{"amqps://" + amqps, "true", admins(), "3"},
		{"https://" + https, "true", admins(), "3"},
		{"amqps://localhost:" + port(amqps), "", client, "3"},
		{"amqps://localhost:" + port(amqps), "", with(encrypted, "keyPassword", "hunter2\n"), "3"},
		{"amqps://localhost:" + port(amqps), "", with(encrypted, "keyPassword", "hunter3"), privatekey.ErrEncrypted.Error()},
		{"amqps://localhost:" + port(amqps), "", encrypted, privatekey.ErrNoPassword.Error()},
		{"https://localhost:" + port(https), "", with(with(with(admins(), "ca", ca.PEM()), "cert", clientCert), "key", encrypted["key"]), privatekey.ErrNoPassword.Error()},
		{"amqps://localhost:" + port(amqps), "", with(with(client, "cert", unknown), "key", unknownKey), "log in: ACCESS_REFUSED"},
		{"amqps://" + amqps, "", with(admins(), "ca", ca.PEM()), "x509: cannot validate certificate for 127.0.0.1"},
		{"https://" + https, "", with(admins(), "ca", ca.PEM()), "x509: cannot validate certificate for 127.0.0.1"},
		{"amqps://localhost:" + port(amqps), "", admins(), "certificate signed by unknown authority"},
		{"https://localhost:" + port(https), "", admins(), "certificate signed by unknown authority"},
		{"amqps://localhost:" + port(amqps), "", with(admins(), "ca", "nonsense"), "the credential ca is not a PEM certificate"},
		{"https://localhost:" + port(https), "", with(admins(), "ca", "nonsense"), "the credential ca is not a PEM certificate"},
		{"amqps://localhost:" + port(s.amqp), "", with(admins(), "ca", ca.PEM()), "TLS: "},
		{"amqp://localhost:" + port(amqps), "", admins(), errNotAMQP.Error()},
	} {
		got := read(t, environment(c.secrets), s.metadata("host", c.host, "unsafeSsl", c.unsafe, "timeout", "1m"))
		if got != c.want && !strings.Contains(got, " "+c.want) {
			t.Errorf("%s with %d secrets: got %s, want %s", c.host, len(c.secrets), got, c.want)
		}
	}
}
