package kafka

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/privatekey"
)

// The mechanisms to log in, by their names in KEDA.
const (
	mechanismNone     = "none"
	mechanismPlain    = "plaintext"
	mechanismSCRAM256 = "scram_sha256"
	mechanismSCRAM512 = "scram_sha512"
	mechanismToken    = "oauthbearer"
)

// mechanisms are those of one of the kinds.
type mechanisms struct {
	// native are those that this package has, and bridged those that only KEDA's scaler has.
	native, bridged []string
}

var (
	ofApache = mechanisms{[]string{mechanismNone, mechanismPlain, mechanismSCRAM256, mechanismSCRAM512}, []string{mechanismAWS}}
	ofKafka  = mechanisms{append(slices.Clone(ofApache.native), mechanismToken), []string{mechanismKerberos}}
)

// all returns all mechanisms of the kind.
func (m mechanisms) all() []string { return slices.Concat(m.native, m.bridged) }

// settings are the metadata that say how the brokers are reached.
type settings struct {
	server     Server
	unsafe     bool
	provider   string
	mechanisms mechanisms
}

// digest returns a hash that is equal for equal settings.
func (s settings) digest() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", s))
	return hex.EncodeToString(sum[:])
}

// parameters returns the parameters of the authenticationRef that both kinds read. The metadata take precedence.
func parameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "sasl", Doc: "How to log in, if the metadata do not have it."},
		{Name: "username", Doc: "User, with sasl. With oauthbearer, the client ID."},
		{Name: "password", Doc: "Password of the user. With oauthbearer, the client secret."},
		{Name: "tls", Doc: "enable or disable, if the metadata do not have it."},
		{Name: "ca", Doc: "Certificates in PEM that sign those of the brokers, with TLS."},
		{Name: "cert", Doc: "A client certificate in PEM, with TLS."},
		{Name: "key", Doc: "The key of the client certificate, in PEM."},
		{Name: "keyPassword", Doc: "The password of an encrypted key (PKCS #8 with AES)."},
	}
}

// tokenParameters returns those for oauthbearer.
func tokenParameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "saslTokenProvider", Doc: "bearer or aws_msk_iam, if the metadata do not have it."},
		{Name: "oauthTokenEndpointUri", Doc: "URL of the token endpoint, with oauthbearer. The client secret is sent there."},
		{Name: "scopes", Doc: "Scopes of the token, separated by commas, with oauthbearer."},
		{Name: "oauthExtensions", Doc: "Extensions for the brokers such as logicalCluster=lkc-1, separated by commas, with oauthbearer."},
	}
}

// access is all that is needed to reach the brokers: settings and the current parameters of the authenticationRef. It is comparable.
type access struct {
	servers                       string // Separated by commas.
	mechanism, username, password string
	tokenURL, scopes, extensions  string
	tls, unsafe                   bool
	ca, cert, key, keyPassword    string
}

// access reads the current parameters of the authenticationRef. Metadata take precedence. Parameters without an effect are left out, so
// that their change opens no connection.
func (s settings) access(ctx context.Context, secrets triggers.Secrets) (access, error) {
	var names []string
	for _, p := range append(parameters(), tokenParameters()...) {
		names = append(names, p.Name)
	}
	values, err := secrets.Read(ctx, names...)
	if err != nil {
		return access{}, err
	}
	a := access{servers: strings.Join(s.server.Servers(), ","), unsafe: s.unsafe}
	if a.tls, err = switchedOn(cmp.Or(s.server.TLS, values["tls"])); err != nil {
		return access{}, fmt.Errorf("the credential tls %w", err)
	}
	if a.tls {
		a.ca, a.cert, a.key, a.keyPassword = values["ca"], values["cert"], values["key"], values["keyPassword"]
	}
	if a.mechanism = cmp.Or(s.server.SASL, values["sasl"]); a.mechanism == mechanismNone {
		a.mechanism = ""
	}
	if a.mechanism != "" {
		a.username, a.password = values["username"], values["password"]
	}
	if a.mechanism == mechanismToken {
		a.tokenURL, a.scopes, a.extensions = values["oauthTokenEndpointUri"], values["scopes"], values["oauthExtensions"]
	}
	return a, a.check(s.mechanisms, cmp.Or(s.provider, values["saslTokenProvider"]))
}

// check returns an error for parameters that are missing or not supported. It does not contain them.
func (a access) check(m mechanisms, provider string) error {
	switch {
	case slices.Contains(m.bridged, a.mechanism):
		return fmt.Errorf("sasl is %s, which only the KEDA bridge has", a.mechanism)
	case m.problem(a.mechanism) != "":
		return errors.New("the credential sasl " + m.problem(a.mechanism))
	case a.mechanism == mechanismToken && provider == providerAWS:
		return fmt.Errorf("saslTokenProvider is %s, which only the KEDA bridge has", provider)
	case a.mechanism != "" && (a.username == "" || a.password == ""):
		return fmt.Errorf("sasl is %s, but the authenticationRef does not have both username and password", a.mechanism)
	case a.mechanism == mechanismToken && checkProvider(provider) != "":
		return errors.New("the credential saslTokenProvider " + checkProvider(provider))
	case a.mechanism == mechanismToken && a.tokenURL == "":
		return errors.New("sasl is oauthbearer, but the authenticationRef has no parameter oauthTokenEndpointUri")
	}
	return nil
}

// problem returns the problem with a mechanism. Those that only the other kind has are named.
func (m mechanisms) problem(mechanism string) string {
	switch {
	case mechanism == "" || slices.Contains(m.all(), mechanism):
		return ""
	case mechanism == mechanismKerberos || mechanism == mechanismToken:
		return "is " + mechanism + ", which only the type kafka has"
	case mechanism == mechanismAWS:
		return "is aws_msk_iam, which only the type apache-kafka has: here it is oauthbearer with the saslTokenProvider aws_msk_iam"
	}
	return "is not supported"
}

// checkProvider returns the problem with a source of tokens.
func checkProvider(provider string) string {
	switch provider {
	case "", "bearer", providerAWS:
		return ""
	}
	return "is neither bearer nor aws_msk_iam"
}

// switchedOn returns the value of tls.
func switchedOn(text string) (bool, error) {
	switch text {
	case "", "disable":
		return false, nil
	case "enable":
		return true, nil
	}
	return false, errors.New("is neither enable nor disable")
}

// tlsConfig returns the configuration of TLS; nil without TLS.
func (a access) tlsConfig() (*tls.Config, error) {
	if !a.tls {
		return nil, nil
	}
	key, err := privatekey.Decrypt(a.key, a.keyPassword)
	if err != nil {
		return nil, err
	}
	return triggers.TLSConfig(a.ca, a.cert, key, a.unsafe)
}
