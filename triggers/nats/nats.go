// Package nats reads how many messages wait for a JetStream consumer: those it has not been given yet and those it has
// not acknowledged. It never creates, changes or consumes anything.
//
// With natsServerURL it keeps a connection and asks the server several times a second, so that a message to an idle
// queue is seen at once; connections are shared by all triggers with the same server and credentials, and readings by
// all that follow the same consumer. With natsServerMonitoringEndpoint, KEDA's way, it asks over HTTP once per
// pollingInterval. Either way it is a sampled trigger.
package nats

import (
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/scalers"
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

// open makes the source; it does no I/O.
func open(c Config, env triggers.Env) (triggers.Source, error) {
	if c.NATSServerURL != "" {
		return newSource(c, env), nil
	}
	key := strings.Join([]string{"nats-jetstream", c.endpoint(), c.Account, c.Stream, c.Consumer, strconv.FormatBool(c.UnsafeSSL)}, "\x00")
	if c.UseHTTPS {
		key += "\x00" + env.Credentials
	}
	read := func(_ scalers.Instant, b backlog) scalers.Event { return b.event() }
	return triggers.PollEach(triggers.PollKey{Server: c.NATSServerMonitoringEndpoint, Key: key}, newMonitor(c, env).Read, read, env), nil
}
