package redis

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/impulse-sh/impulse/triggers"
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
		{Name: "key", Doc: "The key of the client certificate, in PEM."},
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
	ca, cert, key                      string
}

// secrets reads parameters of an authenticationRef until one of them fails.
type secrets struct {
	read func(ctx context.Context, parameter string) (string, error)
	err  error
}

// get returns the value of a parameter, without the line break at the end of a file, or else a value of the metadata.
func (s *secrets) get(ctx context.Context, parameter, metadata string) string {
	if metadata != "" || s.read == nil || s.err != nil {
		return metadata
	}
	value, err := s.read(ctx, parameter)
	if err != nil {
		s.err = fmt.Errorf("read the credential %s: %w", parameter, err)
	}
	return strings.TrimRight(value, "\r\n")
}

// access reads the current parameters of the authenticationRef.
func (s settings) access(ctx context.Context, read func(ctx context.Context, parameter string) (string, error)) (access, error) {
	p := &secrets{read: read}
	a := access{mode: s.mode, database: s.database, unsafe: s.server.UnsafeSSL}
	a.username = p.get(ctx, "username", s.server.Username)
	a.password = p.get(ctx, "password", s.server.Password)
	a.ca, a.cert, a.key = p.get(ctx, "ca", ""), p.get(ctx, "cert", ""), p.get(ctx, "key", "")
	if s.mode == sentinel {
		a.master = p.get(ctx, "sentinelMaster", s.sentinels.SentinelMaster)
		a.sentinelUsername = p.get(ctx, "sentinelUsername", s.sentinels.SentinelUsername)
		a.sentinelPassword = p.get(ctx, "sentinelPassword", s.sentinels.SentinelPassword)
	}
	var mistake error
	a.tls, mistake = useTLS(s.server.EnableTLS, p.get(ctx, "tls", ""))
	servers, err := s.servers(ctx, p)
	a.servers = strings.Join(servers, ",")
	switch {
	case p.err != nil:
		return access{}, p.err
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
func (s settings) servers(ctx context.Context, p *secrets) ([]string, error) {
	servers, err := s.server.Servers(), error(nil)
	if len(servers) == 0 {
		list := func(parameter string) []string {
			return strings.FieldsFunc(p.get(ctx, parameter, ""), func(r rune) bool { return r == ',' || r == ' ' })
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
	return triggers.TLSConfig(a.ca, a.cert, a.key, a.unsafe)
}
