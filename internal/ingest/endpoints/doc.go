// Package endpoints is the one way in for alerts and levels: a Receiver decodes a message, records what it states and counts the
// message, whether it came over HTTP or over NATS. Authentication and status codes are the business of package httpserver.
package endpoints
