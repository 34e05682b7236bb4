// Package autoscaler runs the decision loop of one workload: sources → loop.Step → actuator.
//
// An autoscaler is an item of a work queue, so it has no goroutine. A worker calls loop.Step when something is in the inbox, when a write has
// ended, and at the instant that the last call returned. The rest of the package is I/O, which never waits in a worker: a write, and a source
// that is not passive, have a goroutine of their own. An autoscaler has ended when all of them have.
package autoscaler
