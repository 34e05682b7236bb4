// Package compile turns a ScaledObject into a workload: a target, a policy and typed trigger configs. It does no I/O, and returns all
// mistakes at once.
package compile
