// Package loop is the decision loop of one workload as a state machine: it has no clock, network, goroutine or log.
//
//	out := state.Step(inputs, now)
//
// A step applies everything that has arrived, decides at most once if that requires a decision, and returns the write to send and the
// next instant at which there is something to do. A reading, another policy, a count that another client wrote and the instant that the
// last decision named require a decision; a write by Impulse does not.
//
// The driver does the rest, as the host of a raft node does: it collects the inputs, sends the write, passes its result to a later
// step, and steps again at Output.WakeAt. The autoscaler drives a workload of a cluster, the engine one on virtual time, and
// explain one from a decision into the future. A step that is not needed changes nothing while the process may write, so a driver may
// step too often.
package loop
