// Package ingest is the folder of the packages that bring messages in: httpserver receives them, forward passes them on to the
// leader, endpoints finds the triggers they are for, and store records the alerts.
package ingest
