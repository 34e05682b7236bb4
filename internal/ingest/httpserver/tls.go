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

// TLS is the TLS configuration of a server. Each new connection uses the last valid content of the files.
type TLS struct {
	files TLSFiles
	// flags is the beginning of the flags that name the certificate and the key, for messages.
	flags   string
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
	return readTLS("--tls", files)
}

// ReadKeyPair reads the certificate and the key of another server. flags is the beginning of the flags that name them, such as --admission.
func ReadKeyPair(flags, cert, key string) (*TLS, error) {
	return readTLS(flags, TLSFiles{Cert: cert, Key: key})
}

func readTLS(flags string, files TLSFiles) (*TLS, error) {
	t := &TLS{files: files, flags: flags}
	if _, err := t.reload(); err != nil {
		return nil, err
	}
	return t, nil
}

// Certificate returns the certificate for a new connection.
func (t *TLS) Certificate() *tls.Certificate { return &t.config.Load().Certificates[0] }

// Follow reloads the files until ctx is done. While one of them cannot be read, or the key does not match the certificate, new connections
// use the last valid content, and the error is logged.
func (t *TLS) Follow(ctx context.Context, log *slog.Logger) {
	regularfile.Follow(ctx, "certificate of "+t.flags+"-cert-file", t.reload, log)
}

// reload reads the files, and reports whether they have changed.
func (t *TLS) reload() (bool, error) {
	cert, err := readFile(t.flags+"-cert-file", t.files.Cert)
	key, keyErr := readFile(t.flags+"-key-file", t.files.Key)
	ca, caErr := readFile("--client-ca-file", t.files.ClientCA)
	if err := errors.Join(err, keyErr, caErr); err != nil {
		return false, err
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

// readFile returns the content of the file that a flag names; nothing if it names none.
func readFile(flag, path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	content, err := regularfile.ReadFile(path, maxFile)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return content, nil
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
