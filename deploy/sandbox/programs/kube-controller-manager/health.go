package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"k8s.io/klog/v2"
)

// serveHealth answers /healthz as soon as the process runs. The returned function ends that and waits for it.
func serveHealth(ctx context.Context, o options) (stop func(), err error) {
	address := net.JoinHostPort(o.bindAddress, strconv.Itoa(o.securePort))
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.ServeTLS(listener, o.certFile, o.keyFile); !errors.Is(err, http.ErrServerClosed) {
			klog.ErrorS(err, "Serving /healthz ended")
		}
	}()
	return func() {
		_ = server.Close() // Nothing is worth waiting for.
		<-done
	}, nil
}
