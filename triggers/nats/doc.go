// Package nats is the trigger kind nats-jetstream: its level is the number of messages that wait for a JetStream consumer, not delivered
// or not acknowledged. It never creates, changes or consumes anything.
//
// With natsServerURL it uses a NATS connection and reads the consumer several times a second, so that a message to an idle queue is
// noticed at once. All triggers with the same server and credentials share a connection, and all with the same consumer its readings. With
// natsServerMonitoringEndpoint, as in KEDA, it reads the consumer over HTTP once per pollingInterval. All triggers with the same endpoint,
// account, credentials and pollingInterval share one reading of all their consumers.
package nats
