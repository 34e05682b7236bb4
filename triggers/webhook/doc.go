// Package webhook is the trigger for JSON messages that other systems post. CEL expressions compute levels from them.
package webhook
