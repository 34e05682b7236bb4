package nats

import (
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// Kind describes the trigger type nats-jetstream.
func Kind() triggers.Kind {
	k := triggers.Define("nats-jetstream", "Messages that wait for a JetStream consumer.", defaults(), open)
	k.Auth = append(natsconn.Parameters(), placeParameters()...)
	k.Example = map[string]string{"natsServerURL": "nats://nats.messaging:4222", "stream": "ORDERS", "consumer": "billing", "lagThreshold": "10"}
	return k
}

// open builds the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	if c.NATSServerURL != "" {
		return newSource(c, env), nil
	}
	return newPolled(c, env), nil
}
