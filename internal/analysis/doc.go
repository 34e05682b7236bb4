// Package analysis is the folder of the packages that run policies without a cluster and without waiting: engine does it, and
// policytest, simulate and explain use it.
package analysis
