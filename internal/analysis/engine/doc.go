// Package engine runs one workload on virtual time: a clock that takes no time, a target that takes every count at once, and
// readings, alerts and foreign writes that happen as a Scenario lists them.
//
// It drives the decision loop of internal/policy/loop as the autoscaler does in a cluster: everything that is due at an instant is
// applied first, then there is one decision if any of it requires one. Only what a cluster adds is missing: writes do not fail, and
// nothing delays them.
package engine
