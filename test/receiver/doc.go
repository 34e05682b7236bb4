// Package receiver tests the way of an alert from real Alertmanagers, several and with faults, through the real server into
// the store, and what a trigger makes of it. It needs no cluster.
package receiver
