package httpserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

// maxFile bounds a file of a certificate or a key, in bytes.
const maxFile = 1 << 20

// TLSFiles are the paths of the server's certificate and key, and of the CA certificates that verify client certificates; ""
// means none.
type TLSFiles struct{ Cert, Key, ClientCA string }

// TLS is the server's TLS configuration. Each new connection uses the last valid content of the files.
type TLS struct {
	files   TLSFiles
	content []byte
	config  atomic.Pointer[tls.Config]
}

// ReadTLS reads the files. It returns nil when no file is named.
func ReadTLS(files TLSFiles) (*TLS, error) {
	switch {
	case files == TLSFiles{}:
		return nil, nil // The caller asked for no TLS.
	case files.Cert == "" || files.Key == "":
		return nil, errors.New("--tls-cert-file and --tls-key-file belong together, and --client-ca-file needs both")
	}
	t := &TLS{files: files}
	if _, err := t.reload(); err != nil {
		return nil, err
	}
	return t, nil
}

// Follow reloads the files until ctx is done. While one of them cannot be read, or the key does not match the certificate, new connections
// use the last valid content, and the error is logged.
func (t *TLS) Follow(ctx context.Context, log *slog.Logger) {
	regularfile.Follow(ctx, "certificate", t.reload, log)
}

// reload reads the files, and reports whether they have changed.
func (t *TLS) reload() (bool, error) {
	cert, err := regularfile.ReadFile(t.files.Cert, maxFile)
	key, keyErr := regularfile.ReadFile(t.files.Key, maxFile)
	err = errors.Join(err, keyErr)
	var ca []byte
	if t.files.ClientCA != "" {
		var caErr error
		ca, caErr = regularfile.ReadFile(t.files.ClientCA, maxFile)
		err = errors.Join(err, caErr)
	}
	if err != nil {
		return false, fmt.Errorf("read the certificate: %w", err)
	}
	content := bytes.Join([][]byte{cert, key, ca}, []byte{0})
	if bytes.Equal(content, t.content) {
		return false, nil
	}
	config, err := t.parse(cert, key, ca)
	if err != nil {
		return false, err
	}
	t.content = content
	t.config.Store(config)
	return true, nil
}

func (t *TLS) parse(cert, key, ca []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", t.files.Cert, t.files.Key, err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if t.files.ClientCA != "" {
		config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		if !config.ClientCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%s holds no certificate", t.files.ClientCA)
		}
	}
	return config, nil
}

// listen returns a listener that accepts TLS connections.
func (t *TLS) listen(l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.config.Load(), nil },
	})
}
