package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/impulse-sh/impulse/api/v1alpha1"
)

// Request asks for the secrets of a HashiCorpVault.
type Request struct {
	Vault *v1alpha1.HashiCorpVault
	// Proof is what the authentication needs: a token of the server, or of a service account.
	Proof string
}

// Secrets are the parameters that a vault has.
type Secrets struct {
	Values map[string]string
	// Lifetime is how long they are valid; 0 if the server does not say.
	Lifetime time.Duration
}

// Read signs in and reads all secrets. Each path is read once, so that a username belongs to its password.
func Read(ctx context.Context, via *http.Client, r Request) (Secrets, error) {
	c, err := newClient(via, r.Vault.Address, r.Vault.Namespace)
	if err != nil {
		return Secrets{}, err
	}
	if err := c.signIn(ctx, r); err != nil {
		return Secrets{}, fmt.Errorf("sign in: %w", err)
	}
	read := Secrets{Values: map[string]string{}}
	type place struct {
		path string
		pki  v1alpha1.VaultPKIData
	}
	answers := map[place]*answer{}
	for i := range r.Vault.Secrets {
		s := &r.Vault.Secrets[i]
		at := place{path: s.Path}
		if s.Type == v1alpha1.VaultPKI && s.PKIData != nil {
			at.pki = *s.PKIData
		}
		if answers[at] == nil {
			if answers[at], err = c.get(ctx, s); err != nil {
				return Secrets{}, fmt.Errorf("parameter %s: read %s: %w", s.Parameter, s.Path, err)
			}
			read.limit(answers[at].lifetime(time.Now()))
		}
		if read.Values[s.Parameter], err = valueOf(s, answers[at].Data); err != nil {
			return Secrets{}, fmt.Errorf("parameter %s: %s: %w", s.Parameter, s.Path, err)
		}
	}
	return read, nil
}

// limit shortens the lifetime to another one, unless that is 0.
func (s *Secrets) limit(to time.Duration) {
	if to > 0 && (s.Lifetime == 0 || to < s.Lifetime) {
		s.Lifetime = to
	}
}

// signIn sets the token of the client.
func (c *client) signIn(ctx context.Context, r Request) error {
	if r.Vault.Authentication == v1alpha1.VaultToken {
		c.token = r.Proof
		return nil
	}
	mount := strings.Trim(r.Vault.Mount, "/")
	a, err := c.send(ctx, http.MethodPost, "auth/"+mount+"/login", map[string]string{"jwt": r.Proof, "role": r.Vault.Role})
	if err != nil {
		return err
	}
	if a.Auth == nil || a.Auth.ClientToken == "" {
		return errors.New("the answer has no token")
	}
	c.token = a.Auth.ClientToken
	return nil
}

// get reads a secret, or issues a certificate.
func (c *client) get(ctx context.Context, s *v1alpha1.VaultSecret) (*answer, error) {
	path := strings.Trim(s.Path, "/")
	if s.Type != v1alpha1.VaultPKI {
		return c.send(ctx, http.MethodGet, path, nil)
	}
	data := map[string]string{}
	if p := s.PKIData; p != nil {
		for key, value := range map[string]string{
			"common_name": p.CommonName, "alt_names": p.AltNames, "ip_sans": p.IPSans, "uri_sans": p.URISans, "other_sans": p.OtherSans,
			"ttl": p.TTL, "format": p.Format,
		} {
			if value != "" {
				data[key] = value
			}
		}
	}
	return c.send(ctx, http.MethodPut, path, data)
}

// lifetime returns how long a secret is valid: for its lease, or, of a certificate, until it expires. It is 0 without either.
func (a *answer) lifetime(now time.Time) time.Duration {
	if expires, ok := a.Data["expiration"].(json.Number); ok && a.Data["certificate"] != nil {
		if seconds, err := expires.Int64(); err == nil {
			return time.Unix(seconds, 0).Sub(now)
		}
	}
	if a.LeaseID == "" || a.LeaseDuration <= 0 {
		return 0
	}
	return time.Duration(min(a.LeaseDuration, maxLease)) * time.Second
}

// maxLease bounds a lease, in seconds: a year.
const maxLease = 365 * 24 * 3600

// valueOf returns the value of a secret in an answer. No error contains a value.
func valueOf(s *v1alpha1.VaultSecret, data map[string]any) (string, error) {
	kv2, isKV2 := data["data"].(map[string]any)
	if s.Type == v1alpha1.VaultKV2 || s.Type == "" && isKV2 {
		if !isKV2 {
			return "", errors.New("the answer has no secret of version 2 of the key-value engine")
		}
		data = kv2
	}
	value, ok := data[s.Key]
	if !ok || value == nil {
		return "", fmt.Errorf("it has no key %s", s.Key)
	}
	switch value := value.(type) {
	case string:
		return value, nil
	case []any: // The chain of a certificate.
		lines := make([]string, len(value))
		for i, line := range value {
			if lines[i], ok = line.(string); !ok {
				return "", fmt.Errorf("its key %s is not a text", s.Key)
			}
		}
		if s.Type == v1alpha1.VaultPKI {
			return strings.Join(lines, "\n"), nil
		}
	}
	return "", fmt.Errorf("its key %s is not a text", s.Key)
}
