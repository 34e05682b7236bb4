package natsconn

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/impulse-sh/impulse/triggers"
)

// RotationInterval is the time between two checks whether the credentials in use have changed.
const RotationInterval = 5 * time.Second

// Parameters returns the parameters that Read reads.
func Parameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "username", Doc: "The user, with a password."},
		{Name: "password", Doc: "The password of the user."},
		{Name: "token", Doc: "A token."},
		{Name: "nkey", Doc: "The seed of an nkey."},
		{Name: "creds", Doc: "The content of a .creds file: a user JWT and its seed."},
		{Name: "ca", Doc: "CA certificates in PEM that verify the server's certificate; TLS is then required."},
		{Name: "cert", Doc: "A client certificate in PEM; TLS is then required."},
		{Name: "key", Doc: "The key of the client certificate, in PEM."},
	}
}

// Credentials are the parameters of the authenticationRef. All are empty for a server without authentication.
type Credentials struct {
	username, password, token, nkey, creds string
	ca, cert, key                          string
}

// Read reads the current values of the named parameters, or of all.
func Read(ctx context.Context, secrets triggers.Secrets, names ...string) (Credentials, error) {
	if len(names) == 0 {
		for _, p := range Parameters() {
			names = append(names, p.Name)
		}
	}
	values, err := secrets.Read(ctx, names...)
	return Credentials{
		username: values["username"], password: values["password"], token: values["token"], nkey: values["nkey"], creds: values["creds"],
		ca: values["ca"], cert: values["cert"], key: values["key"],
	}, err
}

// WatchRotation returns a channel that is closed when the credentials differ from those in use, or may not be used any longer. It checks
// after each change and at the given interval, in a goroutine of its own, so that no message waits for a slow secret. The returned function
// stops it.
func WatchRotation(ctx context.Context, env triggers.Env, used Credentials, interval time.Duration) (<-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	rotated := make(chan struct{})
	var checking sync.WaitGroup
	checking.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		changed, forget := env.SecretsChanges()
		defer forget()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			case <-changed:
			}
			if now, err := Read(ctx, env.Secrets); err == nil && now != used || errors.Is(err, triggers.ErrNotAllowed) {
				close(rotated)
				return
			}
		}
	})
	return rotated, func() {
		cancel()
		checking.Wait()
	}
}

// Digest returns a hash that is equal for equal credentials.
func (c Credentials) Digest() string {
	h := sha256.New()
	for _, s := range []string{c.username, c.password, c.token, c.nkey, c.creds, c.ca, c.cert, c.key} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Options returns the options of the client for these credentials.
func (c Credentials) Options(unsafe bool) ([]natsgo.Option, error) {
	secure, err := c.secure(unsafe)
	if err != nil {
		return nil, err
	}
	login, err := c.login()
	if err != nil {
		return nil, err
	}
	return append(secure, login...), nil
}

// login returns the options for at most one way to log in.
func (c Credentials) login() ([]natsgo.Option, error) {
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

// secure returns the options for TLS, which is required if ca or cert is set.
func (c Credentials) secure(unsafe bool) ([]natsgo.Option, error) {
	config, err := c.TLS(unsafe)
	if err != nil {
		return nil, err
	}
	if c.ca != "" || c.cert != "" {
		return []natsgo.Option{natsgo.Secure(config)}, nil
	}
	return []natsgo.Option{func(o *natsgo.Options) error { o.TLSConfig = config; return nil }}, nil
}

// TLS returns a configuration that checks the server against ca and sends the client certificate.
func (c Credentials) TLS(unsafe bool) (*tls.Config, error) {
	return triggers.TLSConfig(c.ca, c.cert, c.key, unsafe)
}
