package grpcserver

import (
	"context"
	"net"
	"sync"
	"testing"

	"google.golang.org/grpc"
)

// Start serves the services that register adds, at an address. stop closes all connections at once and waits for the end; it may be called
// again, and is called when the test ends.
func Start(tb testing.TB, network, address string, register func(grpc.ServiceRegistrar)) (stop func()) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(context.WithoutCancel(tb.Context()), network, address)
	if err != nil {
		tb.Fatal(err)
	}
	server, ended := grpc.NewServer(), make(chan struct{})
	register(server)
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // It returns when the server is stopped.
	}()
	stop = sync.OnceFunc(func() {
		server.Stop()
		<-ended
	})
	tb.Cleanup(stop)
	return stop
}
