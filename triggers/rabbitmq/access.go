package rabbitmq

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/privatekey"
)

// access is all that is needed to reach a server: the metadata and the current parameters of the authenticationRef. It is comparable.
type access struct {
	place

	unsafe                     bool
	ca, cert, key, keyPassword string
}

// parameters returns the parameters of the authenticationRef. Those that may also be in the metadata count only if they are not there.
func parameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "host", Doc: "URL of the server, which may contain the user and the password."},
		{Name: "protocol", Doc: "amqp, http or auto."},
		{Name: "vhostName", Doc: "Virtual host of the queue, instead of the one in the host."},
		{Name: "username", Doc: "Name of the user, instead of the one in the host. It needs password."},
		{Name: "password", Doc: "The password of the user."},
		{Name: "tls", Doc: "enable, or disable for a host without TLS. With enable, the host must be one of amqps or https."},
		{Name: "ca", Doc: "CA certificates in PEM that verify the server, instead of the system's."},
		{Name: "cert", Doc: "Client certificate in PEM. With AMQP and without a password it is the login (EXTERNAL)."},
		{Name: "key", Doc: "Private key of the client certificate, in PEM."},
		{Name: "keyPassword", Doc: "The password of an encrypted key (PKCS #8 with AES)."},
		{Name: "oauthTokenURI", Doc: "Not supported: use username and password."},
		{Name: "workloadIdentityResource", Doc: "Used only with a podIdentity, by the KEDA bridge."},
	}
}

// secrets are the parameters of an authenticationRef by their names. Those that it does not define are missing.
type secrets map[string]string

// readSecrets reads all parameters.
func readSecrets(ctx context.Context, all triggers.Secrets) (secrets, error) {
	var names []string
	for _, p := range parameters() {
		names = append(names, p.Name)
	}
	return all.Read(ctx, names...)
}

// refused are the parameters of KEDA that cannot be used, with what to do instead.
var refused = map[string]string{
	"oauthTokenURI":            "OAuth 2 is not supported: use username and password, and remove oauthTokenURI",
	"workloadIdentityResource": "workloadIdentityResource has no effect without a podIdentity: define one, or remove workloadIdentityResource and use username and password",
}

// access combines the metadata with the parameters of the authenticationRef. Its errors do not quote the latter.
func (c Config) access(s secrets) (access, error) {
	for name, reason := range refused {
		if s[name] != "" {
			return access{}, errors.New(reason)
		}
	}
	p, err := c.place(s)
	if err != nil {
		return access{}, err
	}
	if (s["username"] == "") != (s["password"] == "") {
		return access{}, errors.New("the authenticationRef has only one of username and password")
	}
	if (s["cert"] == "") != (s["key"] == "") {
		return access{}, errors.New("the authenticationRef has only one of cert and key")
	}
	a := access{place: p, unsafe: c.UnsafeSSL, ca: s["ca"], cert: s["cert"], key: s["key"], keyPassword: s["keyPassword"]}
	switch {
	case s["username"] != "":
		a.username, a.password, a.external = s["username"], s["password"], false
	case a.cert != "" && p.protocol == amqpProtocol && !p.hasPassword:
		a.external = true
	}
	if a.external && !a.secure {
		return access{}, errors.New("the login with a client certificate needs a host of amqps")
	}
	return a, nil
}

// place returns the place of the host, and checks that it can serve the trigger.
func (c Config) place(s secrets) (place, error) {
	host := cmp.Or(c.Host, s["host"])
	if host == "" {
		return place{}, errors.New("neither the metadata nor the authenticationRef have host")
	}
	p, problem := parse(host)
	if problem != "" {
		return place{}, errors.New("the host " + problem)
	}
	protocol := c.Protocol
	if protocol == autoProtocol {
		protocol = cmp.Or(s["protocol"], autoProtocol)
	}
	switch {
	case oneOf("protocol", protocol, autoProtocol, amqpProtocol, httpProtocol) != nil:
		return place{}, errors.New("the credential protocol is not amqp, http or auto")
	case p.conflict(protocol) != "":
		return place{}, errors.New("the protocol " + p.conflict(protocol))
	case p.protocol == amqpProtocol && len(c.onlyHTTP()) > 0:
		return place{}, fmt.Errorf("%s needs the management API: write a host such as http://HOST:15672/VHOST", strings.Join(c.onlyHTTP(), " and "))
	case s["tls"] != "" && s["tls"] != "enable" && s["tls"] != "disable":
		return place{}, errors.New("the credential tls is neither enable nor disable")
	case s["tls"] == "enable" && !p.secure:
		return place{}, errors.New("the credential tls is enable, but the host is not one of amqps or https")
	}
	p.vhost = cmp.Or(c.VhostName, s["vhostName"], p.vhost)
	return p, nil
}

// digest returns a hash that is equal for equal values, and does not reveal the credentials in them.
func digest(value any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", value))
	return hex.EncodeToString(sum[:])
}

// tlsConfig returns the configuration of TLS; nil without TLS.
func (a access) tlsConfig() (*tls.Config, error) {
	if !a.secure {
		return nil, nil
	}
	key, err := privatekey.Decrypt(a.key, a.keyPassword)
	if err != nil {
		return nil, err
	}
	return triggers.TLSConfig(a.ca, a.cert, key, a.unsafe)
}

// hide removes the password, and a name that is long enough to be recognized, from a text of the server or of a library.
func (a access) hide(text string) string {
	if a.password != "" && a.password != "guest" {
		text = strings.ReplaceAll(text, a.password, "…")
	}
	if len(a.username) > 2 {
		text = strings.ReplaceAll(text, a.username, "…")
	}
	return text
}
