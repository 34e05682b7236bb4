package admission

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// stopTimeout bounds how long reviews in progress may delay the end of the server.
const stopTimeout = reviewTimeout + time.Second

// Server serves the webhook over TLS.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen opens the address of the webhook. certificate returns the certificate of each new connection.
func Listen(ctx context.Context, address string, reviewer *Reviewer, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), log *slog.Logger) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for admission reviews (--admission-listen): %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle(Path, reviewer)
	return &Server{listener, &http.Server{
		Handler: mux, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate},
		ReadHeaderTimeout: reviewTimeout, ReadTimeout: 2 * reviewTimeout, WriteTimeout: 3 * reviewTimeout, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// Addr returns the address of the server.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves reviews until ctx is done, and waits for those in progress.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.ServeTLS(s.listener, "", "") }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve admission reviews: %w", err)
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := s.server.Shutdown(stopping)
	if err != nil {
		err = errors.Join(fmt.Errorf("end the admission reviews: %w", err), s.server.Close())
	}
	if ended := <-failed; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}
