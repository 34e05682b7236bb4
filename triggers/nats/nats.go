// Package nats reads how many messages wait for a JetStream consumer: those it has not been given yet and those it has
// not acknowledged. It never creates, changes or consumes anything.
//
// With natsServerURL it keeps a connection and asks the server several times a second, so that a message to an idle
// queue is seen at once; connections are shared by all triggers with the same server and credentials, and readings by
// all that follow the same consumer. With natsServerMonitoringEndpoint, KEDA's way, it asks over HTTP once per
// pollingInterval. Either way it is a sampled trigger.
package nats

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/impulse-sh/impulse/internal/natsclient"
	"github.com/impulse-sh/impulse/scalers"
	"github.com/impulse-sh/impulse/triggers"
)

// Kind describes the trigger type nats-jetstream.
func Kind() triggers.Kind {
	k := triggers.Define("nats-jetstream", "Messages that wait for a JetStream consumer.", defaults(), open)
	k.Auth = natsclient.Parameters()
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
	return triggers.Poll(key, newMonitor(c, env), env), nil
}

// lag returns the messages that wait: not delivered yet, and delivered but not acknowledged.
func lag(pending uint64, unacknowledged int64) (scalers.Milli, error) {
	if unacknowledged < 0 {
		return 0, errors.New("the server counts fewer than no messages")
	}
	const most = math.MaxInt64 / 1000
	if pending > most || uint64(unacknowledged) > most-pending {
		return math.MaxInt64, nil
	}
	return scalers.Milli(int64(pending)+unacknowledged) * 1000, nil
}
