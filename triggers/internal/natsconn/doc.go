// Package natsconn connects triggers to NATS, with the credentials of an authenticationRef. It reconnects until the trigger ends, and
// reports the reason while there is no connection.
package natsconn
