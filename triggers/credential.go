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

// ErrNotAllowed is returned by Env.Secret when the trigger may not use its authentication, or not for its server.
var ErrNotAllowed = errors.New("it may not be used here")

// Authorize adds the credentials that secret gives to a request, as they are now. mode is bearer (the parameter bearerToken),
// basic (username and password) or "" for none.
func Authorize(ctx context.Context, r *http.Request, mode string, secret func(ctx context.Context, parameter string) (string, error)) error {
	parameter := func(name string) (string, error) {
		value, err := secret(ctx, name)
		if err != nil {
			return "", fmt.Errorf("read the credential %s: %w", name, err)
		}
		value = strings.TrimRight(value, "\r\n") // Files tend to end with a line break.
		if value == "" {
			return "", fmt.Errorf("authModes is %s, but the authenticationRef gives no %s", mode, name)
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

// TLSConfig is that of a client which checks the server against ca and shows it a certificate, all in PEM; "" for the
// system's roots, and for no certificate. unsafe accepts any server. Its errors do not repeat what it was given.
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
