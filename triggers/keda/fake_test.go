package keda

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/impulse-sh/impulse/internal/testkit/grpcserver"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeaddr"
	"github.com/impulse-sh/impulse/triggers/keda/bridgeapi"
)

// fakeBridge is a bridge with faults that the real one does not have on demand.
type fakeBridge struct {
	bridgeapi.UnimplementedBridgeServer

	// tb is the test at whose end the bridge ends.
	tb      testing.TB
	address string

	mu     sync.Mutex
	answer func(context.Context, *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error)
	// kill closes all connections at once.
	kill func()
}

// startFake starts a bridge on a Unix socket.
func startFake(t *testing.T) *fakeBridge {
	t.Helper()
	f := &fakeBridge{tb: t, address: "unix://" + filepath.Join(t.TempDir(), "bridge.sock")}
	f.answers(func(context.Context, *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) {
		return metrics("30", "10"), nil
	})
	f.start(t)
	return f
}

// metrics returns an answer with one metric.
func metrics(value, target string) *bridgeapi.ReadResponse {
	return &bridgeapi.ReadResponse{
		Version: bridgeapi.Version_VERSION_CURRENT, Active: true,
		Metrics: []*bridgeapi.Metric{{Name: "s0-queue", Value: value, Target: target}},
	}
}

// Read implements bridgeapi.BridgeServer.
func (f *fakeBridge) Read(ctx context.Context, r *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error) {
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	return answer(ctx, r)
}

// answers sets what the bridge answers.
func (f *fakeBridge) answers(answer func(context.Context, *bridgeapi.ReadRequest) (*bridgeapi.ReadResponse, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// start listens.
func (f *fakeBridge) start(t testing.TB) {
	t.Helper()
	address, err := bridgeaddr.Parse(f.address)
	if err != nil {
		t.Fatal(err)
	}
	f.kill = grpcserver.Start(f.tb, address.Network, address.Path, func(s grpc.ServiceRegistrar) { bridgeapi.RegisterBridgeServer(s, f) })
}
