// Package prometheus is the trigger kind prometheus: its level is the result of a PromQL query.
//
// The query runs once per pollingInterval. Triggers share one reading if they have the same credentials and pollingInterval, and the same
// parameters other than the thresholds.
package prometheus
