// Package alertlist lists the recorded alerts and pushed levels, with the objects that select each and its state for them.
package alertlist
