// Package nats is the trigger kind nats-jetstream: its level is the number of messages that wait for a JetStream consumer, not delivered
// or not acknowledged. It never creates, changes or consumes anything.
//
// With natsServerURL it uses a NATS connection and reads the consumer several times a second, so that a message to an idle queue is
// noticed at once. All triggers with the same server and credentials share a connection, and all with the same consumer its readings. With
// natsServerMonitoringEndpoint, as in KEDA, it reads the consumer over HTTP once per pollingInterval. All triggers with the same endpoint,
// account, credentials and pollingInterval share one reading of all their consumers.
package nats

import (
	"github.com/impulse-sh/impulse/triggers"
	"github.com/impulse-sh/impulse/triggers/internal/natsconn"
)

// Kind describes the trigger type nats-jetstream.
func Kind() triggers.Kind {
	k := triggers.Define("nats-jetstream", "Messages that wait for a JetStream consumer.", defaults(), open)
	k.Auth = natsconn.Parameters()
	k.Example = map[string]string{"natsServerURL": "nats://nats.messaging:4222", "stream": "ORDERS", "consumer": "billing", "lagThreshold": "10"}
	return k
}

// open builds the source. It does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	if c.NATSServerURL != "" {
		return newSource(c, env), nil
	}
	return &polled{c, env}, nil
}
