// Package remotewrite is the trigger kind prometheus-remote-write: its level is computed from the samples that Prometheus, or another
// program with its remote write protocol, sends to Impulse.
//
// The newest sample of each selected series, and for a rate at most about 35 samples of its window, are kept in memory. Nothing is stored:
// after a restart the level is unknown until samples arrive again.
package remotewrite
