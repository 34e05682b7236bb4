package external

//go:generate go -C ../../tools run ./protoc ../triggers/external/externalscaler/externalscaler.proto

import (
	"fmt"

	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/replicas"
)

// Kind describes the trigger type external.
func Kind() triggers.Kind {
	return describe(triggers.Define("external", "Metrics of a server with KEDA's protocol for external scalers.", Config{}, openPolled))
}

// PushKind describes the trigger type external-push.
func PushKind() triggers.Kind {
	return describe(triggers.Define("external-push",
		"Metrics of a server with KEDA's protocol for external scalers, which are also read when the server streams a change.", Config{}, openPush))
}

// describe adds what both kinds have.
func describe(k triggers.Kind) triggers.Kind {
	k.Auth = []triggers.AuthParameter{
		{Name: "caCert", Doc: "CA certificates in PEM that verify the server's certificate; TLS is then required."},
		{Name: "tlsClientCert", Doc: "A client certificate in PEM; TLS is then required."},
		{Name: "tlsClientKey", Doc: "The key of the client certificate, in PEM."},
	}
	k.Example = map[string]string{"scalerAddress": "queue-scaler.shop:6000", "queue": "orders"}
	return k
}

// openPolled builds the source of an external trigger. It does no I/O.
func openPolled(c Config, env triggers.Env) (triggers.Source, error) {
	r := newReader(c, env)
	event := func(_ scalers.Instant, m replicas.Measurement) scalers.Event { return m.Event(env.Input) }
	key := triggers.PollKey{Server: c.address(), Key: fmt.Sprintf("external\x00%p", r)} // The server knows which object asks: no reading is shared.
	poll := triggers.PollEach(key, r.read, event, env)
	return triggers.WithResources(func() (triggers.Passive, func(), error) { return poll, r.link.close, nil }), nil
}
