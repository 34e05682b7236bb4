// Command impulse-keda-bridge runs KEDA's scalers for Impulse, in the same Pod: see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // Scalers have the time zones on machines and in images without a database of them.

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridge"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeaddr"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/bridgeapi"
	"github.com/impulse-sh/impulse/deploy/keda-bridge/internal/kedatypes"
)

const (
	// grace bounds the time in which readings end when the process stops.
	grace = 5 * time.Second
	// maxRequests bounds the requests of one connection that are answered at a time.
	maxRequests = 2000
)

// version is set by the linker.
var version = "dev"

func main() {
	listen := flag.String("listen", "unix:///run/impulse/keda-bridge.sock", "address: unix:///PATH, or IP:PORT of this machine")
	show := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *show {
		fmt.Println(version)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		slog.Error("impulse-keda-bridge ends", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, listen string) error {
	ctrllog.SetLogger(logr.Discard()) // Scalers log what Impulse shows as the reason, and could log credentials.
	address, err := bridgeaddr.Parse(listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	l, err := open(ctx, address)
	if err != nil {
		return err
	}
	s := bridge.New(kedatypes.All())
	server := grpc.NewServer(grpc.MaxConcurrentStreams(maxRequests))
	bridgeapi.RegisterBridgeServer(server, s)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	defer func() { <-ended }()
	go func() {
		<-ctx.Done()
		force := time.AfterFunc(grace, server.Stop)
		defer force.Stop()
		server.GracefulStop()
	}()
	slog.Info("impulse-keda-bridge started", "version", version, "address", address.String())
	return server.Serve(l)
}

// open listens at an address. It replaces a socket that nobody listens at any more. Only this user may connect to a socket.
func open(ctx context.Context, a bridgeaddr.Address) (net.Listener, error) {
	if a.Network == "unix" {
		if conn, err := (&net.Dialer{}).DialContext(ctx, a.Network, a.Path); err == nil {
			_ = conn.Close() // It was opened only to see who listens.
			return nil, fmt.Errorf("listen at %s: another process listens there", a)
		}
		if info, err := os.Lstat(a.Path); err == nil && info.Mode().Type() == os.ModeSocket {
			if err := os.Remove(a.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, fmt.Errorf("replace the socket: %w", err)
			}
		}
	}
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	return (&net.ListenConfig{}).Listen(ctx, a.Network, a.Path)
}
