// Package rabbitmq is the trigger kind rabbitmq: its level is the number of messages in a queue of RabbitMQ, or one that is computed from the
// rates at which messages are published and delivered. It only reads: it creates, consumes and changes nothing.
//
// A queue is read once per pollingInterval, over AMQP or from the management API. Triggers with the same server, virtual host and
// credentials share one connection, and those that also read the same queue share its readings.
package rabbitmq
