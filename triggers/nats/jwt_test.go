package nats

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

func TestJWT(t *testing.T) {
	t.Run("a user JWT logs in", testUserJWTLogsIn)
	t.Run("a real account is read by its name and by its key", testRealAccountIsReadByItsNameAndByItsKey)
}

// identity is a pair of keys of an operator, an account or a user.
type identity struct {
	pair         nkeys.KeyPair
	public, name string
}

func newIdentity(t *testing.T, create func() (nkeys.KeyPair, error)) identity {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return identity{pair, public, "test"}
}

// sign returns a JWT in which an issuer grants permissions to a subject.
func (i identity) sign(t *testing.T, subject identity, permissions map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	permissions["version"] = 2
	signed := part(map[string]any{"typ": "JWT", "alg": "ed25519-nkey"}) + "." + part(map[string]any{
		"jti": subject.public, "iat": 1, "iss": i.public, "sub": subject.public, "name": subject.name, "nats": permissions,
	})
	signature, err := i.pair.Sign([]byte(signed))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// startWithOperator starts a server whose operator has signed one account, and returns the credentials of a user in that account.
func startWithOperator(t *testing.T, account identity) (*server, string) {
	t.Helper()
	operator, system, user := newIdentity(t, nkeys.CreateOperator), newIdentity(t, nkeys.CreateAccount), newIdentity(t, nkeys.CreateUser)
	limits := map[string]any{
		"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1, "mem_storage": -1,
		"disk_storage": -1, "streams": -1, "consumer": -1,
	}
	config := fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {%s: %s, %s: %s}\n",
		operator.sign(t, operator, map[string]any{"type": "operator"}), system.public,
		system.public, operator.sign(t, system, map[string]any{"type": "account"}),
		account.public, operator.sign(t, account, map[string]any{"type": "account", "limits": limits}))
	seed, err := user.pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds := fmt.Sprintf("-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n"+
		"-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n",
		account.sign(t, user, map[string]any{"type": "user", "subs": -1, "data": -1, "payload": -1}), seed)
	return start(t, "-c", configFile(t, "nats.conf", config)), creds
}

func testUserJWTLogsIn(t *testing.T) {
	s, creds := startWithOperator(t, newIdentity(t, nkeys.CreateAccount))
	r := runSource(t, mustOpen(t, configured(s.url()), environment(map[string]string{"creds": creds})))
	r.until("stream WORK does not exist")
	runSource(t, mustOpen(t, configured(s.url()), environment(nil))).until("Authorization Violation")
}

func testRealAccountIsReadByItsNameAndByItsKey(t *testing.T) {
	account := newIdentity(t, nkeys.CreateAccount)
	account.name = "orders"
	s, creds := startWithOperator(t, account)
	js := s.client(natsgo.UserCredentialBytes([]byte(creds)))
	createWork(t, js, 1)
	publish(t, js, 3)
	for _, name := range []string{account.public, account.name} {
		c := monitored(s.monitoring)
		c.Account = name
		expectLevel(t, newReader(c, environment(nil)), "3")
	}
}
