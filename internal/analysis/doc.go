// Package analysis is the folder of the packages that run policies without a cluster and on virtual time: engine runs a workload for
// policytest and simulate, and explain explains a decision.
package analysis
