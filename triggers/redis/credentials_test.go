package redis

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/triggers/internal/privatekey"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestCredentials(t *testing.T) {
	t.Run("wrong or missing credentials are unknown and not repeated", testWrongOrMissingCredentialsAreUnknown)
	t.Run("a rotated password takes effect at the next reading", testRotatedPasswordTakesEffectAtNextReading)
	t.Run("a password in the metadata takes precedence", testPasswordInMetadataTakesPrecedence)
	t.Run("the permissions in the README are enough", testPermissionsInReadmeAreEnough)
	t.Run("a missing permission is unknown", testMissingPermissionIsUnknown)
	t.Run("a server that repeats the arguments of AUTH does not reveal them", testServerThatRepeatsArgumentsDoesNotRevealThem)
	t.Run("the address may be in the authenticationRef", testAddressMayBeInAuthenticationRef)
	t.Run("a credential that cannot be read is unknown", testCredentialThatCannotBeReadIsUnknown)
	t.Run("the server's certificate is checked", testServersCertificateIsChecked)
}

func testWrongOrMissingCredentialsAreUnknown(t *testing.T) {
	s := start(t, "--requirepass", "hunter2")
	for want, secrets := range map[string]map[string]string{
		"WRONGPASS":                       {"password": "hunter3"},
		"NOAUTH Authentication required.": nil,
	} {
		r := newReader(t, Redis(), s.metadata("listName", "jobs"), secrets)
		expectUnknown(t, r, s.address+": "+want)
		if _, err := r.Read(t.Context()); strings.Contains(err.Error(), "hunter") {
			t.Errorf("the reason repeats the password: %v", err)
		}
	}
	expect(t, newReader(t, Redis(), s.metadata("listName", "jobs"), map[string]string{"password": "hunter2\n"}), "0")
}

func testRotatedPasswordTakesEffectAtNextReading(t *testing.T) {
	s := start(t)
	s.do("ACL", "SETUSER", "worker", "on", ">first", "~*", "+@all")
	secrets := map[string]string{"username": "worker", "password": "first"}
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), secrets)
	expect(t, r, "0")
	s.do("ACL", "SETUSER", "worker", "<first", ">second")
	secrets["password"] = "second"
	expect(t, r, "0")
	s.Eventually("the old connection is closed", func(ctx context.Context) bool { return s.connections(ctx, "worker") == 1 })
	s.do("ACL", "SETUSER", "other", "on", ">third", "~*", "+@all")
	s.do("ACL", "DELUSER", "worker")
	secrets["username"], secrets["password"] = "other", "third"
	expect(t, r, "0")
}

func testPasswordInMetadataTakesPrecedence(t *testing.T) {
	s := start(t, "--requirepass", "hunter2")
	m := s.metadata("listName", "jobs", "password", "hunter2")
	expect(t, newReader(t, Redis(), m, map[string]string{"password": "other"}), "0")
}

func testPermissionsInReadmeAreEnough(t *testing.T) {
	s := start(t)
	s.do("RPUSH", "jobs", 1)
	s.do("SADD", "set", 1)
	s.add(3)
	s.do("XGROUP", "CREATE", "orders", "billing", "0")
	s.deliver(1)
	s.do("ACL", "SETUSER", "default", "off")
	for _, c := range []struct{ permissions, want, pairs string }{
		{"+llen", "1", "listName jobs"},
		{"+llen +type +scard", "1", "listName set"},
		{"+llen +select", "0", "listName jobs databaseIndex 1"},
		{"+xlen +type", "3", "stream orders"},
		{"+xpending", "1", "stream orders consumerGroup billing"},
		{"+xinfo|groups +xrange +xlen +type", "2", "stream orders consumerGroup billing lagCount 5"},
	} {
		user := append([]any{"ACL", "SETUSER", "reader", "reset", "on", ">pw", "~*"}, words(c.permissions)...)
		s.do(user...)
		kind := Redis()
		if strings.HasPrefix(c.pairs, "stream") {
			kind = Streams()
		}
		r := newReader(t, kind, s.metadata(strings.Fields(c.pairs)...), map[string]string{"username": "reader", "password": "pw"})
		expect(t, r, c.want)
	}
}

func words(text string) []any {
	all := []any{}
	for word := range strings.FieldsSeq(text) {
		all = append(all, word)
	}
	return all
}

func testMissingPermissionIsUnknown(t *testing.T) {
	s := start(t)
	s.do("ACL", "SETUSER", "reader", "on", ">secret-pw", "~*", "+ping")
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), map[string]string{"username": "reader", "password": "secret-pw"})
	expectUnknown(t, r, "NOPERM")
}

func testServerThatRepeatsArgumentsDoesNotRevealThem(t *testing.T) {
	s := start(t, "--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), map[string]string{"username": "some-user", "password": "hunter2"})
	expectUnknown(t, r, "unknown command")
	if _, err := r.Read(t.Context()); strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "some-user") {
		t.Errorf("the reason repeats the credentials: %v", err)
	}
}

func testAddressMayBeInAuthenticationRef(t *testing.T) {
	s, other := start(t), start(t)
	s.do("RPUSH", "jobs", 1)
	other.do("RPUSH", "jobs", 1, 2)
	m := map[string]string{"listName": "jobs"}
	expect(t, newReader(t, Redis(), m, map[string]string{"address": s.address}), "1")
	host, port, _ := net.SplitHostPort(s.address)
	secrets := map[string]string{"host": host, "port": port}
	r := newReader(t, Redis(), m, secrets)
	expect(t, r, "1")
	secrets["host"], secrets["port"], _ = net.SplitHostPort(other.address)
	expect(t, r, "2")
	expect(t, newReader(t, Redis(), s.metadata("listName", "jobs"), map[string]string{"address": other.address}), "1")
	expectUnknown(t, newReader(t, Redis(), m, nil), "neither the metadata nor the authenticationRef have address or host")
	expectUnknown(t, newReader(t, Redis(), m, map[string]string{"host": host}), "not HOST:PORT, or a host and its port")
	expectUnknown(t, newReader(t, Redis(), m, map[string]string{"addresses": s.address + "," + other.address}), "has several servers")
}

func testCredentialThatCannotBeReadIsUnknown(t *testing.T) {
	s := start(t)
	r := newReader(t, Redis(), s.metadata("listName", "jobs"), nil)
	r.secrets = triggertest.SecretsFunc(func(context.Context, string) (string, error) { return "", errors.New("no such Secret") })
	expectUnknown(t, r, "read the credentials: no such Secret")
	m := s.metadata("listName", "jobs", "enableTLS", "true")
	expectUnknown(t, newReader(t, Redis(), m, map[string]string{"tls": "disable"}), "the credential tls is disable, but enableTLS is true")
	expectUnknown(t, newReader(t, Redis(), m, map[string]string{"tls": "yes"}), "the credential tls is neither enable nor disable")
	expectUnknown(t, newReader(t, Redis(), m, map[string]string{"ca": "nonsense"}), "the credential ca is not a PEM certificate")
}

func testServersCertificateIsChecked(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "file.pem")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, key := ca.sign(t)
	address := testkit.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	s := start(t, "--tls-port", port, "--tls-cert-file", file(cert), "--tls-key-file", file(key), "--tls-ca-cert-file", file(ca.pem))
	s.do("RPUSH", "jobs", 1)
	m := map[string]string{"address": address, "listName": "jobs", "enableTLS": "true"}
	clientCert, clientKey := ca.sign(t)
	secrets := map[string]string{"ca": ca.pem, "cert": clientCert, "key": clientKey}
	r := newReader(t, Redis(), m, secrets)
	for range 3 {
		expect(t, r, "1")
	}
	if n := s.connections(t.Context(), "default"); n != 1 {
		t.Errorf("there are %d connections, want 1", n)
	}
	encrypted := map[string]string{"ca": ca.pem, "Cert": clientCert, "key": testkit.EncryptKey(t, clientKey, "hunter2"), "keyPassword": "hunter2\n"}
	expect(t, newReader(t, Redis(), m, encrypted), "1")
	encrypted["keyPassword"] = "hunter3"
	expectUnknown(t, newReader(t, Redis(), m, encrypted), privatekey.ErrEncrypted.Error())
	expectUnknown(t, newReader(t, Redis(), m, map[string]string{"ca": other.pem, "cert": clientCert, "key": clientKey}), "unknown authority")
	// With TLS 1.3, the server refuses the client after the client's part of the handshake: a write may fail before the alert is read.
	expectUnknown(t, newReader(t, Redis(), m, map[string]string{"ca": ca.pem}), "certificate required", "connection reset by peer", "broken pipe")
	m["address"] = "localhost:" + port
	expectUnknown(t, newReader(t, Redis(), m, secrets), "TLS handshake: tls: failed to verify certificate: x509: certificate is")
	m["unsafeSsl"] = "true"
	expect(t, newReader(t, Redis(), m, secrets), "1")
	delete(m, "enableTLS")
	expectUnknown(t, newReader(t, Redis(), m, secrets), m["address"])
	secrets["tls"] = "enable"
	expect(t, newReader(t, Redis(), m, secrets), "1")
}

// authority signs certificates for 127.0.0.1.
type authority struct {
	pem    string
	cert   *x509.Certificate
	signer *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{encode("CERTIFICATE", der), cert, signer}
}

// sign returns a certificate and its key, in PEM.
func (a authority) sign(t *testing.T) (cert, key string) {
	t.Helper()
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "server"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, signer.Public(), a.signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", secret)
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
