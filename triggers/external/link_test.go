package external

import (
	"context"
	"errors"
	"maps"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/impulse-sh/impulse/internal/testkit"
	"github.com/impulse-sh/impulse/scalers"
)

func TestLink(t *testing.T) {
	t.Run("triggers with the same credentials share a connection", testTriggersWithSameCredentialsShareConnection)
	t.Run("every connection uses the given dialer and no proxy", testEveryConnectionUsesGivenDialerAndNoProxy)
	t.Run("a server that cannot prove its name is unknown", testServerThatCannotProveItsNameIsUnknown)
	t.Run("a wrong credential is unknown and not shown", testWrongCredentialIsUnknownAndNotShown)
	t.Run("a rotated credential takes effect without an error", testRotatedCredentialTakesEffectWithoutError)
	t.Run("a rotated credential is used before the next reading is due", testRotatedCredentialIsUsedBeforeNextReadingIsDue)
	t.Run("a revoked credential closes the connection", testRevokedCredentialClosesConnection)
	t.Run("a server that restarts is read again", testServerThatRestartsIsReadAgain)
}

func testTriggersWithSameCredentialsShareConnection(t *testing.T) {
	s := startServer(t, nil, false)
	env := newEnvironment(t, often, nil).Env
	first := run(t, Kind(), map[string]string{"scalerAddress": s.address, "queue": "a"}, env)
	first.untilLevel(3000)
	env.Object = "other"
	second := run(t, PushKind(), map[string]string{"scalerAddress": "dns:///" + s.address, "queue": "b"}, env)
	second.untilLevel(3000)
	if n := s.connections(); n != 1 {
		t.Errorf("got %d connections of two triggers, want 1", n)
	}
	first.stop()
	s.measure(50, 10, true)
	s.stream()
	second.untilLevel(5000)
	if n := s.connections(); n != 1 {
		t.Errorf("got %d connections after one trigger ended, want the same one", n)
	}
}

func testEveryConnectionUsesGivenDialerAndNoProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "")
	s := startServer(t, nil, false)
	env := newEnvironment(t, often, nil).Env
	var refusing atomic.Bool
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if refusing.Load() {
			return nil, errors.New("triggers may not connect to " + address)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, env)
	r.untilLevel(3000)
	refusing.Store(true)
	s.stop()
	s.start()
	r.untilError("triggers may not connect to " + s.address)
}

func testServerThatCannotProveItsNameIsUnknown(t *testing.T) {
	a := newAuthority(t)
	other := startServer(t, a.serverConfig(t, "127.0.0.2", false), false)
	trusted := map[string]string{"caCert": a.pem}
	run(t, Kind(), map[string]string{"scalerAddress": other.address}, newEnvironment(t, often, trusted).Env).untilError("certificate is valid for 127.0.0.2, not 127.0.0.1")
	s := startServer(t, a.serverConfig(t, "127.0.0.1", false), false)
	secure := map[string]string{"scalerAddress": s.address, "enableTLS": "true"}
	run(t, Kind(), secure, newEnvironment(t, often, nil).Env).untilError("certificate signed by unknown authority")
	secure["unsafeSsl"] = "true"
	run(t, Kind(), secure, newEnvironment(t, often, nil).Env).untilLevel(3000)
	run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env).untilError("read " + s.address)
}

func testWrongCredentialIsUnknownAndNotShown(t *testing.T) {
	a := newAuthority(t)
	s := startServer(t, a.serverConfig(t, "127.0.0.1", true), false)
	secrets := a.secrets(t)
	foreign := newAuthority(t).secrets(t)
	for text, change := range map[string]map[string]string{
		"certificate required":                    {"tlsClientCert": "", "tlsClientKey": ""},
		"is not a PEM certificate":                {"caCert": "correct horse"},
		"are not a PEM certificate":               {"tlsClientKey": "correct horse"},
		"certificate signed by unknown authority": {"caCert": foreign["caCert"]},
		"unknown certificate authority":           {"tlsClientCert": foreign["tlsClientCert"], "tlsClientKey": foreign["tlsClientKey"]},
	} {
		wrong := maps.Clone(secrets)
		maps.Copy(wrong, change)
		e := run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, wrong).Env).untilError(text)
		if strings.Contains(e.Err.Error(), "correct horse") {
			t.Errorf("the reason %q shows the credential", e.Err)
		}
	}
}

func testRotatedCredentialTakesEffectWithoutError(t *testing.T) {
	before, after := newAuthority(t), newAuthority(t)
	s := startServer(t, before.serverConfig(t, "127.0.0.1", true), false)
	env := newEnvironment(t, often, before.secrets(t))
	r := run(t, PushKind(), map[string]string{"scalerAddress": s.address}, env.Env)
	r.untilLevel(3000)
	env.rotate(before.secrets(t)) // The server accepts both certificates.
	testkit.Eventually(t, "a second connection has both streams", func(context.Context) bool { return s.connections() == 2 && s.openStreams() == 2 })
	s.measure(50, 10, true)
	r.until("the new level, and no error before it", func(e scalers.Event) bool {
		if e.Err != nil {
			t.Errorf("got the error %v after a rotation, want none", e.Err)
		}
		return e.Err == nil && e.Value == 5000
	})
	s.stop()
	s.secure = after.serverConfig(t, "127.0.0.1", true)
	s.start()
	r.untilError("certificate signed by unknown authority")
	env.rotate(after.secrets(t))
	r.untilLevel(5000)
}

func testRotatedCredentialIsUsedBeforeNextReadingIsDue(t *testing.T) {
	a := newAuthority(t)
	s := startServer(t, a.serverConfig(t, "127.0.0.1", true), false)
	s.stop()
	s.unary = true // A message of a stream would lead to a reading.
	s.start()
	env := newEnvironment(t, never, a.secrets(t))
	changed := func() {}
	env.WatchSecrets = func(f func()) func() { changed = f; return func() {} }
	r := run(t, PushKind(), map[string]string{"scalerAddress": s.address}, env.Env)
	r.untilLevel(3000)
	env.rotate(a.secrets(t))
	changed()
	testkit.Eventually(t, "a second connection is open", func(context.Context) bool { return s.connections() == 2 })
}

func testRevokedCredentialClosesConnection(t *testing.T) {
	a := newAuthority(t)
	s := startServer(t, a.serverConfig(t, "127.0.0.1", true), false)
	env := newEnvironment(t, often, a.secrets(t))
	r := run(t, PushKind(), map[string]string{"scalerAddress": s.address}, env.Env)
	testkit.Eventually(t, "both streams are open", func(context.Context) bool { return s.openStreams() == 2 })
	env.mu.Lock()
	env.revoked = true
	env.mu.Unlock()
	r.untilError("it may not be used here")
	testkit.Eventually(t, "the streams have ended", func(context.Context) bool { return s.openStreams() == 0 })
}

func testServerThatRestartsIsReadAgain(t *testing.T) {
	s := startServer(t, nil, false)
	r := run(t, Kind(), map[string]string{"scalerAddress": s.address}, newEnvironment(t, often, nil).Env)
	r.untilLevel(3000)
	s.stop()
	r.untilError("connection refused")
	s.measure(50, 10, true)
	s.start()
	r.untilLevel(5000)
}
