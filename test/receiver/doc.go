// Package receiver tests the path of an alert from real Alertmanagers, several and with faults, through the real server and the
// store to the level of a trigger. It needs no cluster.
package receiver
