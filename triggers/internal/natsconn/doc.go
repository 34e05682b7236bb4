// Package natsconn connects triggers to NATS with the credentials of an authenticationRef. Connections are retried without end, and
// report why they fail.
package natsconn
