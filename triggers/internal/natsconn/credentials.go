package natsconn

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/impulse-sh/impulse/triggers"
)

// Rotation is how often the credentials in use are compared with those that there are.
const Rotation = 5 * time.Second

// Parameters are all that Read asks for.
func Parameters() []triggers.AuthParameter {
	return []triggers.AuthParameter{
		{Name: "username", Doc: "The user, with a password."},
		{Name: "password", Doc: "The password of the user."},
		{Name: "token", Doc: "A token."},
		{Name: "nkey", Doc: "The seed of an nkey."},
		{Name: "creds", Doc: "The content of a .creds file: a user JWT and its seed."},
		{Name: "ca", Doc: "Certificates in PEM that sign the server's; a client then requires TLS."},
		{Name: "cert", Doc: "A client certificate in PEM; a client then requires TLS."},
		{Name: "key", Doc: "The key of the client certificate, in PEM."},
	}
}

// Credentials are the parameters of the authenticationRef. All empty: the server wants none.
type Credentials struct {
	username, password, token, nkey, creds string
	ca, cert, key                          string
}

// Read asks for the named parameters, or for every one, as they are now.
func Read(ctx context.Context, secret func(context.Context, string) (string, error), names ...string) (Credentials, error) {
	var c Credentials
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
			return Credentials{}, fmt.Errorf("read the credential %s: %w", p.name, err)
		}
		*p.to = strings.TrimRight(value, "\r\n")
	}
	return c, nil
}

// Rotated closes the channel when the credentials are others than those in use, or may not be used any longer, which it looks at
// once in every. It looks for itself: reading a secret may take long, and no message waits for it. The returned function ends it.
func Rotated(
	ctx context.Context, secret func(context.Context, string) (string, error), used Credentials, every time.Duration,
) (<-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(ctx)
	rotated := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if now, err := Read(ctx, secret); err == nil && now != used || errors.Is(err, triggers.ErrNotAllowed) {
				close(rotated)
				return
			}
		}
	})
	return rotated, func() {
		cancel()
		looking.Wait()
	}
}

// Digest is the same for the same credentials and tells nothing else of them.
func (c Credentials) Digest() string {
	h := sha256.New()
	for _, s := range []string{c.username, c.password, c.token, c.nkey, c.creds, c.ca, c.cert, c.key} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Options are the client's options for these credentials.
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

// login proves who we are, in at most one way.
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

// secure are the client's options for TLS. Whoever gave ca or cert wants it, whatever the server offers.
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

// TLS checks the server against ca and shows it a certificate.
func (c Credentials) TLS(unsafe bool) (*tls.Config, error) {
	return triggers.TLSConfig(c.ca, c.cert, c.key, unsafe)
}
