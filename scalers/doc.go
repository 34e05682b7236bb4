// Package scalers is the decision core: from the latest reading of each trigger, the policy and what it remembers, it
// says how many replicas a workload should have, why, and when the answer could next change by itself.
//
// It has no world in it: no clock, network, log or goroutine. The same input gives the same output, byte for byte, so
// the controller, the tests and every command that explains a decision call this one package.
package scalers
