package servingcert

import (
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/impulse-sh/impulse/internal/ingest/httpserver"
)

// Files is a certificate in files that another program renews, such as cert-manager.
type Files struct {
	pair *httpserver.TLS
	log  *slog.Logger
}

// ReadFiles reads a certificate and its key.
func ReadFiles(cert, key string, registry *prometheus.Registry, log *slog.Logger) (*Files, error) {
	pair, err := httpserver.ReadKeyPair("--admission", cert, key)
	if err != nil {
		return nil, err
	}
	registerEnd(registry, pair.Certificate)
	return &Files{pair, log}, nil
}

// Get returns the certificate for a new connection.
func (f *Files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.pair.Certificate(), nil }

// Run reloads the files when they change, until ctx is done.
func (f *Files) Run(ctx context.Context) error {
	f.pair.Follow(ctx, f.log)
	return ctx.Err()
}
