package natsconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/impulse-sh/impulse/triggers"
)

func TestDial(t *testing.T) {
	t.Run("every connection uses the given dialer", testEveryConnectionUsesGivenDialer)
	t.Run("a revoked credential closes its connections", testRevokedCredentialClosesItsConnections)
}

func testEveryConnectionUsesGivenDialer(t *testing.T) {
	refused := errors.New("refused here")
	dial := func(_ context.Context, network, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: refused}
	}
	client, err := Connect(t.Context(), dial, "nats://127.0.0.1:4222", nil)
	if err == nil {
		client.Close()
	}
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func testRevokedCredentialClosesItsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away, revoked atomic.Bool
		env := triggers.Env{Secrets: func(context.Context, ...string) (map[string]string, error) {
			switch {
			case revoked.Load():
				return nil, fmt.Errorf("read the authentication: %w", triggers.ErrNotAllowed)
			case away.Load():
				return nil, errors.New("the API server is away")
			}
			return nil, nil
		}}
		rotated, forget := WatchRotation(t.Context(), env, Credentials{}, time.Second)
		defer forget()
		ended := func() bool {
			<-time.After(3 * time.Second)
			select {
			case <-rotated:
				return true
			default:
				return false
			}
		}
		if ended() {
			t.Error("the connection is closed although the credential has not changed")
		}
		away.Store(true)
		if ended() {
			t.Error("the connection is closed because the API server is unavailable")
		}
		revoked.Store(true)
		if !ended() {
			t.Error("the connection stays open after the credential was revoked")
		}
	})
}
