package nats

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/impulse-sh/impulse/triggers"
)

// credentials are the parameters of the authenticationRef. All empty: the server wants none.
type credentials struct {
	username, password, token, nkey, creds string
	ca, cert, key                          string
}

// readCredentials asks for the named parameters, or for every one, as they are now.
func readCredentials(ctx context.Context, secret func(context.Context, string) (string, error), names ...string) (credentials, error) {
	var c credentials
	if secret == nil {
		return c, nil
	}
	for _, p := range []struct {
		name string
		to   *string
	}{
		{"username", &c.username},
		{"password", &c.password},
		{"token", &c.token},
		{"nkey", &c.nkey},
		{"creds", &c.creds},
		{"ca", &c.ca},
		{"cert", &c.cert},
		{"key", &c.key},
	} {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		value, err := secret(ctx, p.name)
		if err != nil {
			return credentials{}, fmt.Errorf("read the credential %s: %w", p.name, err)
		}
		*p.to = strings.TrimRight(value, "\r\n")
	}
	return c, nil
}

// digest is the same for the same credentials and tells nothing else of them.
func (c credentials) digest() string {
	h := sha256.New()
	for _, s := range []string{c.username, c.password, c.token, c.nkey, c.creds, c.ca, c.cert, c.key} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// options are the client's options for these credentials.
func (c credentials) options(unsafe bool) ([]natsgo.Option, error) {
	secure, err := c.tls(unsafe)
	if err != nil {
		return nil, err
	}
	login, err := c.login()
	if err != nil {
		return nil, err
	}
	return append(secure, login...), nil
}

// login proves who we are, in at most one way.
func (c credentials) login() ([]natsgo.Option, error) {
	var ways []natsgo.Option
	if c.username != "" || c.password != "" {
		ways = append(ways, natsgo.UserInfo(c.username, c.password))
	}
	if c.token != "" {
		ways = append(ways, natsgo.Token(c.token))
	}
	if c.nkey != "" {
		pair, err := nkeys.FromSeed([]byte(strings.TrimSpace(c.nkey)))
		if err != nil {
			return nil, errors.New("the credential nkey is not the seed of an nkey")
		}
		public, err := pair.PublicKey()
		if err != nil {
			return nil, errors.New("the credential nkey is not the seed of an nkey")
		}
		ways = append(ways, natsgo.Nkey(public, pair.Sign))
	}
	if c.creds != "" {
		ways = append(ways, natsgo.UserCredentialBytes([]byte(c.creds)))
	}
	if len(ways) > 1 {
		return nil, errors.New("the authenticationRef gives several ways to log in: username and password, token, nkey or creds")
	}
	return ways, nil
}

// tls are the client's options for TLS. Whoever gave ca or cert wants it, whatever the server offers.
func (c credentials) tls(unsafe bool) ([]natsgo.Option, error) {
	config, err := c.config(unsafe)
	if err != nil {
		return nil, err
	}
	if c.ca != "" || c.cert != "" {
		return []natsgo.Option{natsgo.Secure(config)}, nil
	}
	return []natsgo.Option{func(o *natsgo.Options) error { o.TLSConfig = config; return nil }}, nil
}

// config checks the server against ca and shows it a certificate.
func (c credentials) config(unsafe bool) (*tls.Config, error) {
	return triggers.TLSConfig(c.ca, c.cert, c.key, unsafe)
}
