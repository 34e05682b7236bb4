// Package workqueue runs many items by a few goroutines: a function that has to run when something has happened, or at a deadline.
//
// An item never runs concurrently with itself, and one that is woken while it runs, runs once more. All items of a queue share one
// timer. A queue has no goroutine while nothing has to run, so nobody has to start or stop it: who stops its items has stopped it.
package workqueue
