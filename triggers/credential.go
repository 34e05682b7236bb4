package triggers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrNotAllowed is wrapped by the error of Env.Secret if the trigger may not use its authentication at all or not for its server.
var ErrNotAllowed = errors.New("it may not be used here")

// Authorize adds the current credentials to a request. mode is "bearer" for the parameter bearerToken, "basic" for the parameters
// username and password, or "" for no credentials.
func Authorize(ctx context.Context, r *http.Request, mode string, secret func(ctx context.Context, parameter string) (string, error)) error {
	parameter := func(name string) (string, error) {
		value, err := secret(ctx, name)
		if err != nil {
			return "", fmt.Errorf("read the credential %s: %w", name, err)
		}
		value = strings.TrimRight(value, "\r\n") // Files tend to end with a line break.
		if value == "" {
			return "", fmt.Errorf("authModes is %s, but the authenticationRef has no parameter %s", mode, name)
		}
		return value, nil
	}
	switch mode {
	case "bearer":
		token, err := parameter("bearerToken")
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	case "basic":
		username, err := parameter("username")
		if err != nil {
			return err
		}
		password, err := parameter("password")
		if err != nil {
			return err
		}
		r.SetBasicAuth(username, password)
	}
	return nil
}

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
