package redis

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

// mode is how the server of a key is found.
type mode int

const (
	single   mode = iota // It is the configured one.
	cluster              // Each node of the cluster knows it.
	sentinel             // It is the master that the Sentinels name.
)

// settings are the metadata that say how the server of a key is found and reached.
type settings struct {
	mode      mode
	server    Server
	sentinels Sentinels
	database  int
}

// digest returns a hash that is equal for equal settings, and does not reveal the passwords among them.
func (s settings) digest() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", s))
	return hex.EncodeToString(sum[:])
}

// parameters returns the parameters of the authenticationRef that all kinds read. The metadata take precedence.
func parameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "address", Doc: "HOST:PORT of the server, if the metadata have neither address nor host."},
		{Name: "addresses", Doc: "Another name of address."},
		{Name: "host", Doc: "Host of the server, if the metadata have neither address nor host."},
		{Name: "hosts", Doc: "Another name of host."},
		{Name: "port", Doc: "Port of the server, with host."},
		{Name: "ports", Doc: "Another name of port."},
		{Name: "username", Doc: "User of Redis's access control lists."},
		{Name: "password", Doc: "Password of the user, or of the server without users."},
		{Name: "tls", Doc: "enable or disable TLS, instead of enableTLS."},
		{Name: "ca", Doc: "CA certificates in PEM that verify the server's certificate, with TLS."},
		{Name: "cert", Doc: "A client certificate in PEM, with TLS."},
		{Name: "Cert", Doc: "Another name of cert."},
		{Name: "key", Doc: "The key of the client certificate, in PEM."},
		{Name: "keyPassword", Doc: "The password of an encrypted key (PKCS #8 with AES)."},
	}
}

// sentinelParameters returns those that the kinds with Sentinels read in addition.
func sentinelParameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "sentinelMaster", Doc: "Name of the master, as the Sentinels call it."},
		{Name: "sentinelUsername", Doc: "User for the Sentinels."},
		{Name: "sentinelPassword", Doc: "Password for the Sentinels."},
	}
}

// access is all that is needed to reach a server: settings and the current parameters of the authenticationRef. It is comparable.
type access struct {
	mode                               mode
	servers                            string // Separated by commas.
	database                           int
	username, password                 string
	master                             string
	sentinelUsername, sentinelPassword string
	tls, unsafe                        bool
	ca, cert, key, keyPassword         string
}

// access reads the current parameters of the authenticationRef. The metadata take precedence.
func (s settings) access(ctx context.Context, secrets triggers.Secrets) (access, error) {
	var names []string
	for _, p := range append(parameters(), sentinelParameters()...) {
		names = append(names, p.Name)
	}
	values, err := secrets.Read(ctx, names...)
	if err != nil {
		return access{}, err
	}
	a := access{mode: s.mode, database: s.database, unsafe: s.server.UnsafeSSL}
	a.ca, a.cert, a.key, a.keyPassword = values["ca"], cmp.Or(values["Cert"], values["cert"]), values["key"], values["keyPassword"]
	a.username = cmp.Or(s.server.Username, values["username"])
	a.password = cmp.Or(s.server.Password, values["password"])
	if s.mode == sentinel {
		a.master = cmp.Or(s.sentinels.SentinelMaster, values["sentinelMaster"])
		a.sentinelUsername = cmp.Or(s.sentinels.SentinelUsername, values["sentinelUsername"])
		a.sentinelPassword = cmp.Or(s.sentinels.SentinelPassword, values["sentinelPassword"])
	}
	var mistake error
	a.tls, mistake = useTLS(s.server.EnableTLS, values["tls"])
	servers, err := s.servers(values)
	a.servers = strings.Join(servers, ",")
	switch {
	case mistake != nil || err != nil:
		return access{}, errors.Join(mistake, err)
	case s.mode == sentinel && a.master == "":
		return access{}, errors.New("neither the metadata nor the authenticationRef have sentinelMaster")
	}
	return a, nil
}

// useTLS combines enableTLS with the parameter tls.
func useTLS(enabled bool, parameter string) (bool, error) {
	switch {
	case parameter == "" || parameter == "enable":
		return enabled || parameter == "enable", nil
	case parameter != "disable":
		return false, errors.New("the credential tls is neither enable nor disable")
	case enabled:
		return false, errors.New("the credential tls is disable, but enableTLS is true")
	}
	return false, nil
}

// servers returns the addresses in the metadata or else in the authenticationRef. Errors do not contain the latter.
func (s settings) servers(secrets map[string]string) ([]string, error) {
	servers, err := s.server.Servers(), error(nil)
	if len(servers) == 0 {
		list := func(parameter string) []string {
			return strings.FieldsFunc(secrets[parameter], func(r rune) bool { return r == ',' || r == ' ' })
		}
		servers, err = places{list("address"), list("addresses"), list("host"), list("hosts"), list("port"), list("ports")}.servers()
	}
	switch {
	case err != nil:
		return nil, errors.New("the addresses in the authenticationRef are not HOST:PORT, or a host and its port")
	case len(servers) == 0:
		return nil, errors.New("neither the metadata nor the authenticationRef have address or host")
	case len(servers) > 1 && s.mode == single:
		return nil, errors.New("the authenticationRef has several servers: write one, or use redis-cluster or redis-sentinel")
	}
	return servers, nil
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
