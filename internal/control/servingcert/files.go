package servingcert

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/regularfile"
)

// maxFile bounds a file of a certificate or a key, in bytes.
const maxFile = 1 << 20

// Files is a certificate in files that another program renews, such as cert-manager.
type Files struct {
	cert, key string
	content   []byte
	served    atomic.Pointer[tls.Certificate]
	log       *slog.Logger
}

// ReadFiles reads a certificate and its key.
func ReadFiles(cert, key string, registry *prometheus.Registry, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log}
	if _, err := f.reload(); err != nil {
		return nil, err
	}
	registerEnd(registry, &f.served)
	return f, nil
}

// Get returns the certificate for a new connection.
func (f *Files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.served.Load(), nil }

// Run reloads the files when they change, until ctx is done.
func (f *Files) Run(ctx context.Context) error {
	regularfile.Follow(ctx, "certificate of the admission webhook", f.reload, f.log)
	return ctx.Err()
}

func (f *Files) reload() (bool, error) {
	cert, err := regularfile.ReadFile(f.cert, maxFile)
	if err != nil {
		return false, fmt.Errorf("--admission-cert-file: %w", err)
	}
	key, err := regularfile.ReadFile(f.key, maxFile)
	if err != nil {
		return false, fmt.Errorf("--admission-key-file: %w", err)
	}
	content := bytes.Join([][]byte{cert, key}, []byte{0})
	if bytes.Equal(content, f.content) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("certificate %s with key %s: %w", f.cert, f.key, err)
	}
	f.content = content
	f.served.Store(&pair)
	return true, nil
}
