package external

import (
	"testing"

	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/triggertest"
)

func TestConform(t *testing.T) {
	t.Run("external conforms to the contract of triggers", func(t *testing.T) { conform(t, Kind()) })
	t.Run("external-push conforms to the contract of triggers", func(t *testing.T) { conform(t, PushKind()) })
}

// conform runs the suite over TLS with client certificates.
func conform(t *testing.T, kind triggers.Kind) {
	t.Helper()
	authority := newAuthority(t)
	s := startServer(t, authority.serverConfig(t, "127.0.0.1", true), false)
	triggertest.Conform(t, kind, triggertest.Fixture{
		Metadata: map[string]string{"scalerAddress": s.address, "queue": "orders"}, Secrets: authority.secrets(t),
		Break:  func(testing.TB) { s.stop() },
		Repair: func(testing.TB) { s.start() },
	})
}
