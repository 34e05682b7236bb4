// Package policytest runs unit tests of scaling policies: files that describe what happens to a workload and what is expected of it,
// run on virtual time. docs/testing.md describes the format.
package policytest
