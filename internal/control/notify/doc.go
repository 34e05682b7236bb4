// Package notify sends notifications about ScaledObjects to the sinks of a file, as CloudEvents over HTTP or NATS. Notify never blocks: each
// sink has a bounded queue and a goroutine that sends, with retries. The sinks are followed while the file changes.
package notify
