// Package endpoints receives every alert and level: a Receiver decodes a message, records what it states and counts the message, whether
// it came over HTTP or over NATS. Authentication and status codes are left to package httpserver.
package endpoints
