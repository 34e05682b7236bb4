// Package autoscaler runs the decision loop of one workload: sources → loop.Step → actuator.
//
// One goroutine owns the loop's state. It calls loop.Step when something is in the inbox, when a write has ended, and at the instant
// that the last call returned. The rest of the package is I/O: the sources, the target's watch and the writes run in goroutines of
// their own, and Run waits for all of them.
package autoscaler
