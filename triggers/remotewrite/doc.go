// Package remotewrite is the trigger kind prometheus-remote-write: its level is computed from the samples that Prometheus, or another
// program with its remote write protocol, sends to Impulse.
//
// The newest sample of each selected series is kept in memory, and nothing is stored: after a restart the level is unknown until samples
// arrive again.
package remotewrite
