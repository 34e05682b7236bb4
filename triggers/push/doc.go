// Package push is the trigger for levels that are sent to this trigger alone: over HTTP, as CloudEvents or over NATS.
package push
