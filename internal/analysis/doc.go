// Package analysis is the folder of the packages that run policies without a cluster and on virtual time: engine runs a workload, and
// policytest, simulate and explain use it.
package analysis
