//go:build bridge

package keda

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/internal/testkit/sandbox"
	"github.com/impulse-sh/impulse/triggers"
)

func TestRealBridge(t *testing.T) {
	t.Run("a level is unknown while the real bridge is hung or killed, and known again afterwards", testLevelIsUnknownWhileBridgeIsHungOrKilled)
}

// startEtcd starts the sandbox's etcd, which is always there, with the number 3 at the key orders. It returns the address.
func startEtcd(t *testing.T) string {
	t.Helper()
	address := testkit.FreeAddress(t)
	client, peer := "http://"+address, "http://"+testkit.FreeAddress(t)
	etcd := sandbox.Start(t, "etcd", "--data-dir", t.TempDir(), "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	put, err := json.Marshal(map[string][]byte{"key": []byte("orders"), "value": []byte("3")})
	if err != nil {
		t.Fatal(err)
	}
	etcd.Eventually("it has the number", func(ctx context.Context) bool {
		code, _ := testkit.Post(ctx, client+"/v3/kv/put", put)
		return code == http.StatusOK
	})
	return address
}

func testLevelIsUnknownWhileBridgeIsHungOrKilled(t *testing.T) {
	binary := os.Getenv("IMPULSE_KEDA_BRIDGE")
	if binary == "" {
		t.Fatal("this test needs impulse-keda-bridge: run `make bridge-test`, or set IMPULSE_KEDA_BRIDGE")
	}
	source := startEtcd(t)
	address := "unix://" + filepath.Join(t.TempDir(), "bridge.sock")
	bridge := testkit.StartProgram(t, "impulse-keda-bridge", binary, "--listen", address)
	r := open(t, address, Config{map[string]string{"endpoints": source, "watchKey": "orders", "value": "1"}}, triggers.Env{Namespace: "shop", Object: "orders"})
	r.kedaType = "etcd"
	known := func(ctx context.Context) bool {
		_, err := r.read(ctx)
		return err == nil
	}
	bridge.Eventually("a level is known", known)

	bridge.Signal(syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if m, err := r.read(ctx); err == nil || !strings.Contains(err.Error(), "wait for the KEDA bridge") {
		t.Errorf("while it is stopped: got %v and the error %v, want one", m, err)
	}
	bridge.Signal(syscall.SIGCONT)
	bridge.Eventually("a level is known again", known)

	bridge.Kill()
	if m, err := r.read(t.Context()); err == nil {
		t.Errorf("once it is killed: got %v, want an error", m)
	}
	again := testkit.StartProgram(t, "impulse-keda-bridge-again", binary, "--listen", address) // The socket of the killed one is replaced.
	again.Eventually("a level is known with the new bridge", known)
}
