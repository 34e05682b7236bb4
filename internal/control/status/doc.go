// Package status reports decisions: in the status of ScaledObjects, as Kubernetes Events, as metrics and in the log. It writes only
// when the outcome has changed, and never delays a write to a target.
package status
