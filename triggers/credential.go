package triggers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Secrets returns the current values of parameters of an authenticationRef, by their names. A parameter that the reference does not define
// is missing. Without names, Secrets returns all parameters that the reference defines. Values that come from one object come from one version of it, so that a username and its password match. Call it for each
// use, so that a rotated secret takes effect. The values must not be logged. The error wraps ErrNotAllowed if the trigger may not use the
// authentication. A nil Secrets has no parameters.
type Secrets func(ctx context.Context, parameters ...string) (map[string]string, error)

// Read returns the values without the line breaks at their ends, which text files tend to have. A value with a zero byte is no text, such as a
// keytab of Kerberos, and is returned as it is.
func (s Secrets) Read(ctx context.Context, parameters ...string) (map[string]string, error) {
	if s == nil {
		return nil, nil
	}
	values, err := s(ctx, parameters...)
	if err != nil {
		return nil, fmt.Errorf("read the credentials: %w", err)
	}
	trimmed := make(map[string]string, len(values))
	for name, value := range values {
		if !strings.Contains(value, "\x00") {
			value = strings.TrimRight(value, "\r\n")
		}
		trimmed[name] = value
	}
	return trimmed, nil
}

// SecretsChanges returns WatchSecrets as a channel with room for one notification, for a source with a goroutine of its own, and a function
// that ends it.
func (e *Env) SecretsChanges() (changed <-chan struct{}, stop func()) {
	if e.WatchSecrets == nil {
		return nil, func() {}
	}
	all := make(chan struct{}, 1)
	return all, e.WatchSecrets(func() {
		select {
		case all <- struct{}{}:
		default:
		}
	})
}

// PodIdentity is an identity in a cloud that KEDA's scalers take from the environment of their process. The zero value is none. The fields
// have the meaning that they have in KEDA.
type PodIdentity struct {
	Provider, IdentityID, IdentityTenantID, IdentityAuthorityHost, RoleARN, ExternalID, IdentityOwner string
}

// ErrNotAllowed is wrapped by the error of Secrets if the trigger may not use its authentication at all or not for its server.
var ErrNotAllowed = errors.New("it may not be used here")

// TLSConfig returns the configuration of a client. All arguments are in PEM. The client verifies the server against ca, or against the
// system's roots if ca is "", and sends the certificate cert if there is one. With unsafe it accepts any server. Errors do not contain
// the arguments.
func TLSConfig(ca, cert, key string, unsafe bool) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: unsafe}
	if ca != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, errors.New("the credential ca is not a PEM certificate")
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			return nil, errors.New("the credentials cert and key are not a PEM certificate and its key")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
