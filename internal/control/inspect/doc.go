// Package inspect reads from the cluster what impulse doctor judges, as the user of the command, and changes nothing. A part that cannot be read does
// not stop the others.
package inspect
